"""What a report's page says in words, in English and in Chinese; its notes are in `sentences`."""

from __future__ import annotations

from typing import Any

from kuamo.core.errors import KuamoError

__all__ = ["LANGUAGES", "WORDS", "label", "metric_meaning"]

WORDS: dict[str, dict[str, str]] = {
    # ── the page's head ──────────────────────────────────────────────────────────────────────────────────────────
    "lang": {"en": "en", "zh": "zh-Hans"},
    "page_title": {"en": "How well each column finds the others", "zh": "各列互相检索的效果"},
    "skip": {"en": "Skip to the content", "zh": "跳到正文"},
    "lead": {
        "en": "{rows:,} rows of “{source}”. For each ordered pair of columns, a cell of the first column is the query, "
        "and all cells of the second are ordered by how near they are to it in the shared space.",
        "zh": "“{source}”的 {rows:,} 行。对每一对有序的列：以第一列的单元格为查询，"
        "把第二列的所有单元格按它们在共享空间中与查询的远近排序。",
    },
    "right_row": {"en": "The answer from the query's own row is right.", "zh": "与查询同一行的答案算正确。"},
    "right_group": {"en": "Every answer of the query's group is right.", "zh": "与查询同组的答案都算正确。"},
    "right_label": {"en": "Every answer with the query's label is right.", "zh": "与查询标签相同的答案都算正确。"},
    # ── chart and table ──────────────────────────────────────────────────────────────────────────────────────────
    "chart_title": {"en": "Recall at a glance", "zh": "召回率一览"},
    "chart_text": {
        "en": "The share of queries that have a right answer among the first k.",
        "zh": "前 k 个答案中有正确答案的查询所占的比例。",
    },
    "legend_value": {"en": "value", "zh": "数值"},
    "legend_interval": {"en": "95 % interval", "zh": "95 % 区间"},
    "legend_chance": {"en": "random order", "zh": "随机排序"},
    "lane": {
        "en": "{metric}: {value}, interval {low} to {high}; random order {chance}",
        "zh": "{metric}：{value}，区间 {low} 至 {high}；随机排序 {chance}",
    },
    "table_title": {"en": "All numbers", "zh": "全部数字"},
    "table_text": {
        "en": "One row for each direction; below each value its 95 % interval.",
        "zh": "每个方向一行；每个数值下面是它的 95 % 区间。",
    },
    "pair": {"en": "query → answer", "zh": "查询 → 答案"},
    "queries": {"en": "queries", "zh": "查询数"},
    "gallery": {"en": "answers", "zh": "答案数"},
    "chance": {"en": "{metric} at random", "zh": "随机排序的 {metric}"},
    "median_rank": {"en": "median rank", "zh": "中位排名"},
    "scroll": {"en": "Table of all numbers; it scrolls sideways", "zh": "全部数字的表，可以左右滚动"},
    # ── what the numbers mean ────────────────────────────────────────────────────────────────────────────────────
    "meaning_title": {"en": "What the numbers mean", "zh": "这些数字的含义"},
    "means_R": {
        "en": "Recall at k: the share of queries that have a right answer among the first k. 0.44 means 44 of 100 "
        "queries. Higher is better, 1 is best.",
        "zh": "召回率：前 k 个答案中有正确答案的查询所占的比例。0.44 表示每 100 个查询中有 44 个。越高越好，最好是 1。",
    },
    "means_median_rank": {
        "en": "For half of the queries the first right answer stands at this place or before it. Lower is better, "
        "1 is best.",
        "zh": "有一半的查询，第一个正确答案排在这一位或更前。越低越好，最好是 1。",
    },
    "means_MRR": {
        "en": "Mean reciprocal rank: a query gets 1 if its first right answer stands first, 1/2 if it stands second, "
        "1/3 if third; the mean over queries. Higher is better, 1 is best.",
        "zh": "平均倒数排名：第一个正确答案排第一得 1，排第二得 1/2，排第三得 1/3；对所有查询取平均。"
        "越高越好，最好是 1。",
    },
    "means_mAP": {
        "en": "Mean average precision: going down the list, note at each right answer which share of the answers so "
        "far is right; average this over the query's right answers, then over queries. Near 1 only if all right "
        "answers stand before the wrong ones.",
        "zh": "平均精度均值：从上往下看，每遇到一个正确答案，就记下到此为止正确答案所占的比例；"
        "先对该查询的所有正确答案取平均，再对所有查询取平均。只有正确答案都排在错误答案前面时才接近 1。",
    },
    "means_mAP@R": {
        "en": "As mAP, but for a query with R right answers only those among the first R count. Stricter than mAP; 1 "
        "if all right answers stand first.",
        "zh": "与 mAP 相同，但若查询有 R 个正确答案，则只计入排在前 R 位的。"
        "比 mAP 更严格；所有正确答案都排在最前时为 1。",
    },
    "means_nDCG": {
        "en": "Normalised discounted cumulative gain: a right answer at place r of the first {k} counts "
        "1 / log₂(1 + r); the sum, over that of the best possible order; the mean over queries. Higher is better, "
        "1 is best.",
        "zh": "归一化折损累计增益：前 {k} 个答案中，第 r 位的正确答案计 1 / log₂(1 + r)；求和后除以最佳排序的和，"
        "再对所有查询取平均。越高越好，最好是 1。",
    },
    "means_interval": {
        "en": "Another sample of such queries would give slightly other numbers. The interval is the range of the "
        "middle 95 % of 1,000 samples drawn from these queries with replacement.",
        "zh": "换一批同样的查询，数字会略有不同。区间是从这些查询中有放回地抽取 1,000 次，结果中间 95 % 的范围。",
    },
    "means_ties": {
        "en": "An answer whose score equals that of a right answer is placed before it: ties count against the space.",
        "zh": "得分与正确答案相同的错误答案排在它前面：并列对空间不利。",
    },
    "interval": {"en": "Interval", "zh": "区间"},
    "ties": {"en": "Ties", "zh": "并列"},
    # ── what fit chose ───────────────────────────────────────────────────────────────────────────────────────────
    "choice_title": {"en": "What fit chose, and why", "zh": "fit 选了什么，为什么"},
    "choice_text": {
        "en": "The space has {dim} dimensions. In fit's own words:",
        "zh": "这个空间有 {dim} 维。以下是 fit 的说明：",
    },
    "remarks_title": {"en": "Remarks", "zh": "附注"},
    # ── examples ─────────────────────────────────────────────────────────────────────────────────────────────────
    "examples_title": {"en": "Hits and misses", "zh": "命中与未命中"},
    "examples_text": {
        "en": "A hit is a query whose first answer is right. Seed {seed} drew these examples; nobody picked them. Each "
        "shows the query and its first answers; right ones have a tick and a frame.",
        "zh": "第一个答案正确的查询叫作命中。这些例子由随机种子 {seed} 抽取，没有人挑选。"
        "每个例子给出查询和最前面的几个答案；正确的带勾和边框。",
    },
    "share": {
        "en": "first answer right for {hits:,} of {queries:,} queries",
        "zh": "{queries:,} 个查询中，{hits:,} 个的第一个答案正确",
    },
    "hits": {"en": "Hits", "zh": "命中"},
    "misses": {"en": "Misses", "zh": "未命中"},
    "no_hits": {"en": "None: no query's first answer is right.", "zh": "没有：所有查询的第一个答案都不正确。"},
    "no_misses": {"en": "None: every query's first answer is right.", "zh": "没有：所有查询的第一个答案都正确。"},
    "query": {"en": "Query", "zh": "查询"},
    "answers": {"en": "First answers", "zh": "最前面的答案"},
    "is_right": {"en": "right", "zh": "正确"},
    "right_below": {
        "en": "The first right answer: place {rank:,} of {gallery:,}",
        "zh": "第一个正确答案排在 {gallery:,} 个中的第 {rank:,} 位",
    },
    "picture": {"en": "{column} of {row}, a picture", "zh": "{row} 的 {column}（图片）"},
    "sound": {"en": "{column} of {row}, a sound", "zh": "{row} 的 {column}（声音）"},
    "row": {"en": "id {row}", "zh": "编号 {row}"},
    # ── what is made ─────────────────────────────────────────────────────────────────────────────────────────────
    "made_title": {"en": "What the space makes", "zh": "这个空间生成的内容"},
    "made_text": {
        "en": "Each column made from another, on rows that the space has not seen. A seed drew the examples; nobody "
        "picked "
        "them.",
        "zh": "由一列生成另一列，用的是这个空间没有见过的行。例子由随机种子抽取，没有人挑选。",
    },
    "made_pair": {"en": "given → made", "zh": "给定 → 生成"},
    "made_rows": {"en": "Rows", "zh": "行数"},
    "made_of_it": {"en": "Made of it", "zh": "由它生成"},
    "made_real": {"en": "What was there", "zh": "原有的"},
    "name_told_accuracy": {"en": "accuracy", "zh": "准确率"},
    "means_told_accuracy": {
        "en": "The share of rows whose class is told. A class that the space has never seen is told wrong.",
        "zh": "类别判断正确的行所占比例。空间从未见过的类别都算判断错误。",
    },
    "name_told_log_loss": {"en": "log loss", "zh": "对数损失"},
    "means_told_log_loss": {
        "en": "−log of the probability that was given to the right class, on average: lower is better, "
        "and one that is sure and wrong costs most.",
        "zh": "正确类别所得概率的负对数的平均：越低越好，越是自信而错误，代价越大。",
    },
    "name_told_confidence_gap": {"en": "confidence − accuracy", "zh": "置信度 − 准确率"},
    "means_told_confidence_gap": {
        "en": "How sure it is, less how often it is right: 0 if it is calibrated, above 0 if it is too sure of itself.",
        "zh": "平均置信度减去准确率：校准良好时为 0，大于 0 表示过于自信。",
    },
    "name_told_R2": {"en": "R²", "zh": "解释比例 R²"},
    "means_told_R2": {
        "en": "How much of the variance of the numbers is told: 1 is all, 0 is as good as always telling the mean.",
        "zh": "所判断的数值解释了多少方差：1 为全部，0 等于总是给出平均值。",
    },
    "name_told_error": {"en": "mean error", "zh": "平均误差"},
    "means_told_error": {
        "en": "The mean distance from what is told to the number, in its unit.",
        "zh": "判断值与真实数值的平均距离，用其单位表示。",
    },
    "name_told_within_90": {"en": "within 90 %", "zh": "落入 90 % 区间"},
    "means_told_within_90": {
        "en": "The share of numbers within the interval that is to hold 90 % of them: .9 if its width is right.",
        "zh": "落入应含 90 % 数值的区间的比例：区间宽度恰当时为 .9。",
    },
    "name_made_R2": {"en": "R²", "zh": "解释比例 R²"},
    "means_made_R2": {
        "en": "How much of the variance of the real cells is foretold: 1 is all, 0 is as good as always making the "
        "mean cell, and below 0 is worse. The mean of what could be made, without guidance, is compared with the row's "
        "own cell; that draws are few is allowed for.",
        "zh": "能预言真实单元格方差的多少：1 为全部，0 等于总是生成平均单元格，小于 0 则更差。"
        "把不加引导时所有可能结果的平均与该行自己的单元格比较；已对抽取次数有限作了修正。",
    },
    "name_made_energy": {"en": "energy score", "zh": "能量得分"},
    "means_made_energy": {
        "en": "How well the spread of what could be made, without guidance, suits the row's own cell: the mean "
        "distance to it, less half that of two draws. 1 is as good as always making the mean cell; lower is better, "
        "and lowest for whoever knows the true distribution.",
        "zh": "不加引导时所有可能结果的分布与该行自己的单元格相符的程度：到它的平均距离，减去两次生成之间平均距离的"
        "一半。1 等于总是生成平均单元格；越低越好，知道真实分布者最低。",
    },
    "name_made_energy_ridge": {"en": "of ridge", "zh": "岭回归的"},
    "means_made_energy_ridge": {
        "en": "The energy score of the closed form, solved on the training rows: what a trained decoder has to beat.",
        "zh": "由训练行解出的闭式解的能量得分：训练出的解码器应当比它更低。",
    },
    "name_made_R@1": {"en": "found, R@1", "zh": "检索 R@1"},
    "means_made_R@1": {
        "en": "The share of made cells whose nearest real cell is the row's own, or one of the same label; of "
        "features, by the cosine after their mean is taken away.",
        "zh": "生成结果中，最近的真实单元格正是该行自己的（或同一标签的）所占的比例；"
        "对于特征，用减去平均值后的余弦来比较。",
    },
    "name_made_R@10": {"en": "found, R@10", "zh": "检索 R@10"},
    "means_made_R@10": {
        "en": "The same, among the ten nearest real cells.",
        "zh": "同上，看最近的十个真实单元格。",
    },
    "name_made_back_R@1": {"en": "found back, R@1", "zh": "反向检索 R@1"},
    "means_made_back_R@1": {
        "en": "The other way: the share of real cells for which, of all that was made, that of their own row, or of "
        "the same label, is nearest.",
        "zh": "反过来：对真实单元格而言，所有生成结果中最近的正是它自己那一行的（或同一标签的）所占的比例。",
    },
    "name_made_back_R@10": {"en": "found back, R@10", "zh": "反向检索 R@10"},
    "means_made_back_R@10": {
        "en": "The same, among the ten nearest that were made.",
        "zh": "同上，看最近的十个生成结果。",
    },
    "name_made_diversity": {"en": "diversity", "zh": "多样性"},
    "means_made_diversity": {
        "en": "How far apart two draws of one row are, as a share of how far apart two real cells of one label "
        "are. About 1: as varied as real ones; near 0: always the same.",
        "zh": "同一行两次生成之间的距离，与同一标签两个真实单元格之间距离之比。约为 1 表示与真实的一样多样；接近 "
        "0 表示总是一样。",
    },
    "name_made_nearest": {"en": "nearest training cell", "zh": "最近的训练单元格"},
    "means_made_nearest": {
        "en": "How far the nearest training cell is, as a share of the same for real cells that the space has not"
        " seen; the median. About 1: as new as real ones; near 0: copies.",
        "zh": "到最近训练单元格的距离，与未见过的真实单元格的同一距离之比，取中位数。约为 1 表示与真实的一样新；"
        "接近 0 表示是复制。",
    },
    "name_made_judged": {"en": "judged right", "zh": "判断正确"},
    "means_made_judged": {
        "en": "The share of made cells that the judge takes for the row's label.",
        "zh": "判断者认为属于该行标签的生成结果所占的比例。",
    },
    "name_made_judged_real": {"en": "real cells judged right", "zh": "真实的判断正确"},
    "means_made_judged_real": {
        "en": "The same of the real cells: a judge makes mistakes too.",
        "zh": "真实单元格的同一比例：判断者也会出错。",
    },
    "name_made_judged_codec": {"en": "through the codec", "zh": "经编解码"},
    "means_made_judged_codec": {
        "en": "The same of the real cells after the codec's compression and back: the bound of all that is made.",
        "zh": "真实单元格经编解码器压缩再还原后的同一比例：一切生成结果的上限。",
    },
    "name_made_overlap": {"en": "words in common", "zh": "共同词语"},
    "means_made_overlap": {
        "en": "The share of words (of Chinese, characters) that the made text has in common with the row's own.",
        "zh": "生成的文本与该行自己的文本共有的词（中文为字）的比例。",
    },
    # ── several methods side by side ─────────────────────────────────────────────────────────────────────────────
    "contest_title": {"en": "Methods side by side", "zh": "各方法的比较"},
    "contest_chart": {
        "en": "{metric} over all directions and seeds, best first.",
        "zh": "{metric}，所有方向与种子合计，从好到差。",
    },
    "contest_table": {
        "en": "One row for each method; below each value its 95 % interval.",
        "zh": "每种方法一行；每个数值下面是它的 95 % 区间。",
    },
    "method": {"en": "method", "zh": "方法"},
    "all_directions": {"en": "{metric}, all", "zh": "{metric}，合计"},
    "cpu": {"en": "CPU s", "zh": "处理器秒"},
    "wall": {"en": "wall s", "zh": "实际秒"},
    "memory": {"en": "memory, MB", "zh": "内存，MB"},
    "differences_title": {"en": "Which differences are real", "zh": "哪些差别是真实的"},
    "differences_text": {
        "en": "Row minus column, in {metric}, on the same queries. Bold with a tick: more than chance, p below 0.05 "
        "after Holm's correction for all {tests} pairs. The others cannot be told apart by these rows.",
        "zh": "行减列的 {metric} 之差，查询相同。加粗带勾的超出偶然（对全部 {tests} 对做 Holm 校正后 p 小于 0.05）；"
        "其余的用这些行分不出高下。",
    },
    "difference": {
        "en": "{a} − {b}: {value}, interval {low} to {high}, p {p}",
        "zh": "{a} − {b}：{value}，区间 {low} 至 {high}，p {p}",
    },
    "left_out_title": {"en": "Left out", "zh": "未参加的方法"},
    "each_metric": {"en": "All measures", "zh": "全部度量"},
    # ── a diagnosis ──────────────────────────────────────────────────────────────────────────────────────────────
    "dx_title": {"en": "What the data is like, and what to do", "zh": "数据的情况与建议"},
    "dx_there": {"en": "What is there", "zh": "有哪些数据"},
    "dx_quality": {"en": "How good the cells are", "zh": "单元格的质量"},
    "dx_relation": {"en": "How the columns relate", "zh": "各列之间的关系"},
    "dx_expect": {"en": "What to expect, before any training", "zh": "训练之前的预期"},
    "dx_space": {"en": "How the space uses the columns", "zh": "空间如何使用各列"},
    "dx_cost": {"en": "What a fit will cost", "zh": "一次拟合的开销"},
    "dx_advice": {"en": "What to do", "zh": "建议"},
    "dx_method": {"en": "Recommended: {method}", "zh": "推荐方法：{method}"},
    "dx_method_default": {"en": "km.fit(table) as it stands", "zh": "直接使用 km.fit(table)"},
    "dx_no_method": {"en": "No fit is recommended", "zh": "不建议拟合"},
    "dx_more_lines": {"en": "… and {count:,} more", "zh": "……另有 {count:,} 行"},
    "dx_column": {"en": "column", "zh": "列"},
    "dx_kind": {"en": "kind", "zh": "种类"},
    "dx_kind_Text": {"en": "Text", "zh": "文本"},
    "dx_kind_Image": {"en": "Image", "zh": "图片"},
    "dx_kind_Audio": {"en": "Audio", "zh": "声音"},
    "dx_kind_Vector": {"en": "Vector", "zh": "向量"},
    "dx_kind_Category": {"en": "Category", "zh": "类别"},
    "dx_kind_Number": {"en": "Number", "zh": "数值"},
    "dx_rows": {"en": "rows", "zh": "行数"},
    "dx_values": {"en": "values", "zh": "值的个数"},
    "dx_repeated": {"en": "repeated", "zh": "重复"},
    "dx_still": {"en": "numbers that hardly change", "zh": "几乎不变的数"},
    "dx_broken": {"en": "unreadable", "zh": "读不了"},
    "dx_both": {"en": "rows with both", "zh": "两列都有的行"},
    "dx_pair": {"en": "columns", "zh": "两列"},
    "dx_p": {"en": "p if unrelated", "zh": "若无关的 p"},
    "dx_axes": {"en": "shared axes", "zh": "共同的轴"},
    "dx_first": {"en": "strongest ρ", "zh": "最强的 ρ"},
    "dx_neighbours": {"en": "neighbours", "zh": "近邻一致"},
    "dx_cka": {"en": "CKA", "zh": "核对齐 CKA"},
    "dx_information": {"en": "information, nats", "zh": "信息量（奈特）"},
    "dx_direction": {"en": "query → answer", "zh": "查询 → 答案"},
    "dx_expected": {"en": "R@{k} to expect", "zh": "预期 R@{k}"},
    "dx_among": {"en": "among", "zh": "候选数"},
    "dx_chance": {"en": "at random", "zh": "随机"},
    "dx_came": {"en": "came", "zh": "实际"},
    "dx_works": {"en": "what works", "zh": "可行的做法"},
    "dx_verdict_align": {"en": "align", "zh": "对齐"},
    "dx_verdict_predict": {"en": "predict", "zh": "预测"},
    "dx_verdict_both": {"en": "both", "zh": "两者皆可"},
    "dx_verdict_neither": {"en": "neither", "zh": "都不行"},
    "dx_centroid": {"en": "gap of centres", "zh": "中心间距"},
    "dx_distribution": {"en": "gap of shapes", "zh": "分布差异"},
    "dx_gap_p": {"en": "p if of one shape", "zh": "若分布相同的 p"},
    "dx_weight": {"en": "mean weight", "zh": "平均权重"},
    "dx_contribution": {"en": "brings to {to}", "zh": "对“{to}”的贡献"},
    "dx_step": {"en": "step", "zh": "步骤"},
    "dx_step_features": {"en": "features: {column}", "zh": "特征：{column}"},
    "dx_step_diagnosis": {"en": "diagnosis", "zh": "诊断"},
    "dx_step_closed_form": {"en": "closed form", "zh": "闭式解"},
    "dx_step_contrast": {"en": "contrast", "zh": "对比学习"},
    "dx_step_training": {"en": "training", "zh": "训练"},
    "dx_step_decoders": {"en": "decoders", "zh": "解码器"},
    "dx_step_ridge_decoders": {"en": "ridge decoders", "zh": "岭回归解码器"},
    "dx_step_space": {"en": "the stored space", "zh": "存储的空间"},
    "dx_step_index": {"en": "the index", "zh": "索引"},
    "dx_cpu": {"en": "CPU s", "zh": "处理器秒"},
    "dx_wall": {"en": "wall s", "zh": "实际秒"},
    "dx_memory": {"en": "memory, MB", "zh": "内存，MB"},
    "dx_disk": {"en": "disk, MB", "zh": "磁盘，MB"},
    "dx_patterns": {"en": "Which columns a row has", "zh": "一行里有哪些列"},
    "dx_coverage_text": {
        "en": "How many of the {rows:,} rows have each column, and how many have just these columns together.",
        "zh": "{rows:,} 行中，有多少行具有每一列，又有多少行恰好具有这些列。",
    },
    "dx_spectrum_title": {"en": "How strongly, axis by axis", "zh": "逐轴的相关强度"},
    "dx_spectrum_text": {
        "en": "Held-out canonical correlations: for each pair of columns the directions in which they agree, the "
        "strongest first, measured on rows that the directions were not learned from. The bar is the correlation, the "
        "line its 95 % interval; pale bars are not told apart from chance.",
        "zh": "留出的典型相关：对每两列，按从强到弱列出它们一致的方向，并在没有用来学习这些方向的行上测量。"
        "条形为相关系数，线为 95 % 区间；浅色条形与偶然区分不开。",
    },
    "dx_expect_text": {
        "en": "The share of queries that would find their own row among the first {k}, on rows not seen, by a closed "
        "form learned on a part of these rows.",
        "zh": "用这些行的一部分解出的闭式解，在没有见过的行上，查询能在前 {k} 个答案中找到自己那一行的比例。",
    },
    "dx_gap_text": {
        "en": "How far the codes of two columns lie apart in the space. The gap of centres is the distance of their "
        "means and goes away if means are subtracted; the gap of shapes stays.",
        "zh": "两列的编码在空间中相距多远。中心间距是均值之间的距离，减去均值即可消除；分布差异则会留下。",
    },
    "dx_use_text": {
        "en": "How much each column weighs when a row is fused, and what it brings: its Shapley value, the mean gain "
        "of adding it to any of the others.",
        "zh": "融合一行时各列的权重，以及它带来的贡献：沙普利值，即把它加到其他各列的任意组合上时的平均增益。",
    },
    "dx_speed_title": {"en": "How fast each column is learned", "zh": "各列学得多快"},
    "dx_terms": {"en": "What the words mean", "zh": "术语说明"},
    "dx_means_p": {
        "en": "p if unrelated: how often columns that have nothing to do with each other look as related as these "
        "two; below 0.05 they are called related.",
        "zh": "若无关的 p：两列毫无关系时，看起来有这样相关的可能性有多大；小于 0.05 即认为相关。",
    },
    "dx_means_axes": {
        "en": "Shared axes: directions in which the two columns agree beyond chance, on held-out rows.",
        "zh": "共同的轴：在留出的行上，两列超出偶然而一致的方向的个数。",
    },
    "dx_means_neighbours": {
        "en": "Neighbours: of the nearest rows in one column, the share that are nearest in the other too, less what "
        "chance gives; 0 is chance, 1 is all. CKA: how alike all distances are, on the same scale.",
        "zh": "近邻一致：在一列中最近的行，有多少在另一列中也最近，并扣除偶然；0 为偶然，1 为全部。"
        "CKA：所有距离有多相似，刻度相同。",
    },
    "dx_means_information": {
        "en": "Information: at least so much of one column is known from the other, and no more than the second "
        "number could be shown with these rows (InfoNCE's bound and its ceiling).",
        "zh": "信息量：由一列至少能知道另一列的这么多；用这些行最多只能显示出第二个数（InfoNCE 的下界与上限）。",
    },
    "dx_means_verdict": {
        "en": "Align: put both into one space and search there. Predict: make the target's features from the query "
        "and compare with those. Both: either works. Neither: do not expect this direction to work.",
        "zh": "对齐：把两列放进同一个空间，在其中检索。预测：由查询生成目标的特征，再与之比较。"
        "两者皆可：哪种都行。都不行：不要指望这个方向。",
    },
    "footer": {
        "en": "Made by kuamo {version}. This page is one file and loads nothing from elsewhere.",
        "zh": "由 kuamo {version} 生成。本页是单个文件，不从别处加载任何东西。",
    },
}
LANGUAGES = ("en", "zh")


def label(lang: str, key: str, **values: Any) -> str:
    """One string, with its values put in.

    Raises:
        KuamoError: an unknown language.

    Example:
        >>> label("zh", "hits"), label("en", "row", row=3)
        ('命中', 'id 3')
    """
    if lang not in LANGUAGES:
        raise KuamoError(f"given lang={lang!r}; expected one of {list(LANGUAGES)}")
    return WORDS[key][lang].format(**values)


def metric_meaning(lang: str, metric: str) -> str | None:
    """What a metric means, in plain words; `None` for one that is not ours.

    Example:
        >>> metric_meaning("en", "R@5")[:56]
        'Recall at k: the share of queries that have a right answ'
    """
    name, _, k = metric.partition("@")
    key = f"means_{name if k.isdigit() else metric}"
    return label(lang, key, k=k) if key in WORDS else None
