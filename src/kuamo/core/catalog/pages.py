"""Words of the pages, in English and in Chinese; notes are in the other catalogues."""

from __future__ import annotations

from typing import Any

from kuamo.core.errors import KuamoError

__all__ = ["LANGUAGES", "WORDS", "label", "metric_meaning"]

WORDS: dict[str, dict[str, str]] = {
    # ── the page's head ──────────────────────────────────────────────────────────────────────────────────────────
    "lang": {"en": "en", "zh": "zh-Hans"},
    "page_title": {
        "en": "Cross-modal retrieval report",
        "zh": "跨模态检索报告",
    },
    "skip": {"en": "Skip to the content", "zh": "跳到正文"},
    "lead": {
        "en": (
            "{rows:,} rows of “{source}”. For each ordered pair of columns, a cell of the first column is the query "
            "and all cells of the second column are ranked by similarity in the shared space."
        ),
        "zh": (
            "“{source}”的 {rows:,} 行。对每一对有序的列：以第一列的单元格为查询，"
            "把第二列的所有单元格按共享空间中的相似度排序。"
        ),
    },
    "right_row": {
        "en": "Relevant is the item of the query's own row.",
        "zh": "与查询同一行的项算相关。",
    },
    "right_group": {
        "en": "Relevant are all items of the query's group.",
        "zh": "与查询同组的所有项都算相关。",
    },
    "right_label": {
        "en": "Relevant are all items with the query's label.",
        "zh": "与查询标签相同的所有项都算相关。",
    },
    # ── chart and table ──────────────────────────────────────────────────────────────────────────────────────────
    "chart_title": {"en": "Recall at a glance", "zh": "召回率一览"},
    "chart_text": {
        "en": "The share of queries with a relevant item among the first k results.",
        "zh": "前 k 个结果中有相关项的查询所占的比例。",
    },
    "legend_value": {"en": "value", "zh": "数值"},
    "legend_interval": {"en": "95 % interval", "zh": "95 % 区间"},
    "legend_chance": {
        "en": "chance level",
        "zh": "随机水平",
    },
    "lane": {
        "en": "{metric}: {value}, interval {low} to {high}; chance level {chance}",
        "zh": "{metric}：{value}，区间 {low} 至 {high}；随机水平 {chance}",
    },
    "table_title": {
        "en": "All figures",
        "zh": "全部指标",
    },
    "table_text": {
        "en": "One row for each direction; the 95 % interval is below each value.",
        "zh": "每个方向一行；每个数值下面是它的 95 % 区间。",
    },
    "pair": {
        "en": "query → result",
        "zh": "查询 → 结果",
    },
    "queries": {"en": "queries", "zh": "查询数"},
    "gallery": {
        "en": "gallery size",
        "zh": "候选数",
    },
    "chance": {
        "en": "{metric} by chance",
        "zh": "{metric} 的随机水平",
    },
    "median_rank": {"en": "median rank", "zh": "中位排名"},
    "scroll": {
        "en": "Table of all figures; scrolls sideways",
        "zh": "全部指标的表，可左右滚动",
    },
    # ── what the numbers mean ────────────────────────────────────────────────────────────────────────────────────
    "meaning_title": {
        "en": "Metrics",
        "zh": "指标说明",
    },
    "means_R": {
        "en": (
            "Recall at k: the share of queries with a relevant item among the first k results. 0.44 means 44 of 100 "
            "queries. Higher is better, 1 is best."
        ),
        "zh": "召回率：前 k 个结果中有相关项的查询所占的比例。0.44 表示每 100 个查询中有 44 个。越高越好，最好是 1。",
    },
    "means_median_rank": {
        "en": "For half of the queries the first relevant item is at this rank or better. Lower is better, 1 is best.",
        "zh": "有一半的查询，第一个相关项的排名在此或更前。越低越好，最好是 1。",
    },
    "means_MRR": {
        "en": (
            "Mean reciprocal rank: 1 divided by the rank of the first relevant item, averaged over queries. Higher "
            "is better, 1 is best."
        ),
        "zh": "平均倒数排名：第一个相关项的排名的倒数，对所有查询取平均。越高越好，最好是 1。",
    },
    "means_mAP": {
        "en": (
            "Mean average precision: the precision at the rank of each relevant item, averaged over the relevant "
            "items of a query and then over queries. It is 1 only if all relevant items are ranked before all "
            "others."
        ),
        "zh": (
            "平均精度均值：在每个相关项的排名处计算精度，先对一个查询的所有相关项取平均，再对所有查询取平均。"
            "只有相关项都排在其他项之前时才为 1。"
        ),
    },
    "means_mAP@R": {
        "en": (
            "As mAP, but of a query with R relevant items only the first R ranks count. Stricter than mAP; 1 if all "
            "relevant items are ranked first."
        ),
        "zh": "与 mAP 相同，但若查询有 R 个相关项，则只计入前 R 位。比 mAP 更严格；所有相关项都排在最前时为 1。",
    },
    "means_nDCG": {
        "en": (
            "Normalised discounted cumulative gain: a relevant item at rank r among the first {k} counts 1 / log₂(1 "
            "+ r); the sum is divided by that of the best order and averaged over queries. Higher is better, 1 is "
            "best."
        ),
        "zh": (
            "归一化折损累计增益：前 {k} 个结果中，第 r 位的相关项计 1 / log₂(1 + r)；求和后除以最佳排序的和，"
            "再对所有查询取平均。越高越好，最好是 1。"
        ),
    },
    "means_interval": {
        "en": (
            "The 95 % confidence interval of the value for another sample of such queries, from 1,000 bootstrap "
            "resamples; Wilson's interval for shares."
        ),
        "zh": "换一批同类查询时该值的 95 % 置信区间，由 1,000 次自助重抽样得到；比例用 Wilson 区间。",
    },
    "means_ties": {
        "en": "Ties count against the space: an item whose score equals that of a relevant item is ranked before it.",
        "zh": "同分按最不利次序计：得分与相关项相同的其他项排在它前面。",
    },
    "interval": {"en": "Interval", "zh": "区间"},
    "ties": {"en": "Ties", "zh": "并列"},
    # ── what fit chose ───────────────────────────────────────────────────────────────────────────────────────────
    "choice_title": {
        "en": "What fit chose, and why",
        "zh": "fit 的选择及理由",
    },
    "choice_text": {
        "en": "The space has {dim} dimensions.",
        "zh": "这个空间有 {dim} 维。",
    },
    "remarks_title": {
        "en": "Notes",
        "zh": "附注",
    },
    # ── examples ─────────────────────────────────────────────────────────────────────────────────────────────────
    "examples_title": {
        "en": "Hits and misses",
        "zh": "命中与未命中",
    },
    "examples_text": {
        "en": (
            "A hit is a query whose first result is relevant. The examples were drawn at random (seed {seed}). Each "
            "shows the query and its first results; relevant ones have a tick and a frame."
        ),
        "zh": (
            "第一个结果相关的查询叫作命中。这些例子随机抽取（种子 {seed}）。每个例子给出查询和最前面的几个结果；"
            "相关的带勾和边框。"
        ),
    },
    "share": {
        "en": "the first result is relevant for {hits:,} of {queries:,} queries",
        "zh": "{queries:,} 个查询中，{hits:,} 个的第一个结果相关",
    },
    "hits": {"en": "Hits", "zh": "命中"},
    "misses": {"en": "Misses", "zh": "未命中"},
    "no_hits": {
        "en": "None: no query has a relevant first result.",
        "zh": "没有：所有查询的第一个结果都不相关。",
    },
    "no_misses": {
        "en": "None: the first result of every query is relevant.",
        "zh": "没有：所有查询的第一个结果都相关。",
    },
    "query": {"en": "Query", "zh": "查询"},
    "answers": {
        "en": "First results",
        "zh": "最前面的结果",
    },
    "is_right": {
        "en": "relevant",
        "zh": "相关",
    },
    "right_below": {
        "en": "Rank of the first relevant item: {rank:,} of {gallery:,}",
        "zh": "第一个相关项的排名：{gallery:,} 个中的第 {rank:,} 位",
    },
    "picture": {
        "en": "{column} of {row}, an image",
        "zh": "{row} 的 {column}（图像）",
    },
    "sound": {
        "en": "{column} of {row}, an audio clip",
        "zh": "{row} 的 {column}（音频）",
    },
    "row": {"en": "id {row}", "zh": "编号 {row}"},
    # ── generation ───────────────────────────────────────────────────────────────────────────────────────────────
    "made_title": {
        "en": "Generation",
        "zh": "生成",
    },
    "made_text": {
        "en": (
            "Each column generated from another one, on rows that were not used for training. The examples were "
            "drawn at random."
        ),
        "zh": "由一列生成另一列，所用的行未参与训练。例子随机抽取。",
    },
    "made_pair": {
        "en": "source → target",
        "zh": "来源 → 目标",
    },
    "made_rows": {"en": "Rows", "zh": "行数"},
    "made_of_it": {
        "en": "Generated",
        "zh": "生成结果",
    },
    "made_real": {
        "en": "Original",
        "zh": "原始数据",
    },
    "name_pred_accuracy": {"en": "accuracy", "zh": "准确率"},
    "means_pred_accuracy": {
        "en": (
            "The share of rows whose class is predicted correctly. Classes that were not in the training data count "
            "as errors."
        ),
        "zh": "类别预测正确的行所占的比例。训练数据中没有的类别按错误计。",
    },
    "name_pred_log_loss": {"en": "log loss", "zh": "对数损失"},
    "means_pred_log_loss": {
        "en": (
            "The mean of −log of the probability given to the true class: lower is better, and confident errors "
            "cost most."
        ),
        "zh": "真实类别所得概率的负对数的平均：越低越好，自信的错误代价最大。",
    },
    "name_pred_confidence_gap": {"en": "confidence − accuracy", "zh": "置信度 − 准确率"},
    "means_pred_confidence_gap": {
        "en": "Mean confidence minus accuracy: 0 if calibrated, above 0 if overconfident.",
        "zh": "平均置信度减去准确率：校准良好时为 0，大于 0 表示过于自信。",
    },
    "name_pred_R2": {"en": "R²", "zh": "解释比例 R²"},
    "means_pred_R2": {
        "en": (
            "The share of the variance of the numbers that is explained: 1 is all, 0 is as good as predicting the mean."
        ),
        "zh": "数值的方差中被解释的比例：1 为全部，0 等于总是预测平均值。",
    },
    "name_pred_MAE": {
        "en": "mean absolute error",
        "zh": "平均绝对误差",
    },
    "means_pred_MAE": {
        "en": "The mean absolute difference between prediction and true number, in its unit.",
        "zh": "预测值与真实数值之差的绝对值的平均，用其单位表示。",
    },
    "name_pred_coverage_90": {
        "en": "coverage of 90 %",
        "zh": "90 % 区间的覆盖率",
    },
    "means_pred_coverage_90": {
        "en": "The share of numbers inside their 90 % prediction interval: .9 if its width is right.",
        "zh": "落入各自 90 % 预测区间的数值的比例：区间宽度恰当时为 .9。",
    },
    "name_gen_R2": {"en": "R²", "zh": "解释比例 R²"},
    "means_gen_R2": {
        "en": (
            "The share of the variance of the real cells that is explained by the mean of the samples (without "
            "guidance): 1 is all, 0 is as good as always generating the mean cell, below 0 is worse. Corrected for "
            "the finite number of samples."
        ),
        "zh": (
            "样本均值（不加引导）所解释的真实单元格方差的比例：1 为全部，0 等于总是生成平均单元格，小于 0 则更差。"
            "已对样本数有限作了修正。"
        ),
    },
    "name_gen_energy": {"en": "energy score", "zh": "能量得分"},
    "means_gen_energy": {
        "en": (
            "Energy score of the samples (without guidance) for the real cell: mean distance to it minus half the "
            "mean distance between two samples. 1 is as good as always generating the mean cell; lower is better, "
            "and lowest for the true distribution."
        ),
        "zh": (
            "样本（不加引导）对真实单元格的能量得分：到它的平均距离，减去两个样本间平均距离的一半。1 "
            "等于总是生成平均单元格；越低越好，真实分布的得分最低。"
        ),
    },
    "name_gen_energy_ridge": {
        "en": "energy score of ridge",
        "zh": "岭回归的能量得分",
    },
    "means_gen_energy_ridge": {
        "en": "The energy score of ridge regression on the training rows: the baseline for a trained decoder.",
        "zh": "在训练行上求解的岭回归的能量得分：训练出的解码器的基线。",
    },
    "name_gen_R@1": {
        "en": "retrieval R@1",
        "zh": "检索 R@1",
    },
    "means_gen_R@1": {
        "en": (
            "The share of generated cells whose nearest real cell is that of their own row, or has the same label; "
            "features are compared by cosine after centring."
        ),
        "zh": "最近的真实单元格属于本行（或标签相同）的生成结果所占的比例；特征用中心化后的余弦比较。",
    },
    "name_gen_R@10": {
        "en": "retrieval R@10",
        "zh": "检索 R@10",
    },
    "means_gen_R@10": {
        "en": "The same, among the ten nearest real cells.",
        "zh": "同上，看最近的十个真实单元格。",
    },
    "name_gen_reverse_R@1": {
        "en": "reverse retrieval R@1",
        "zh": "反向检索 R@1",
    },
    "means_gen_reverse_R@1": {
        "en": (
            "In reverse: the share of real cells whose nearest generated cell is that of their own row, or has the "
            "same label."
        ),
        "zh": "反过来：最近的生成结果属于本行（或标签相同）的真实单元格所占的比例。",
    },
    "name_gen_reverse_R@10": {
        "en": "reverse retrieval R@10",
        "zh": "反向检索 R@10",
    },
    "means_gen_reverse_R@10": {
        "en": "The same, among the ten nearest generated cells.",
        "zh": "同上，看最近的十个生成结果。",
    },
    "name_gen_diversity": {"en": "diversity", "zh": "多样性"},
    "means_gen_diversity": {
        "en": (
            "The mean distance between two samples for one row, divided by that between two real cells of one "
            "label. About 1: as diverse as real cells; near 0: always the same."
        ),
        "zh": (
            "同一行两个样本间的平均距离，除以同一标签两个真实单元格间的平均距离。约为 1 表示与真实数据一样多样；"
            "接近 0 表示总是一样。"
        ),
    },
    "name_gen_memorization": {
        "en": "memorization ratio",
        "zh": "记忆比",
    },
    "means_gen_memorization": {
        "en": (
            "The distance to the nearest training cell, divided by the same distance of held-out real cells "
            "(median). About 1: as new as real cells; near 0: copies of training cells."
        ),
        "zh": (
            "到最近训练单元格的距离，除以留出的真实单元格的同一距离（取中位数）。约为 1 表示与真实数据一样新；接近 "
            "0 表示复制了训练数据。"
        ),
    },
    "name_gen_accuracy": {
        "en": "classifier accuracy",
        "zh": "分类器准确率",
    },
    "means_gen_accuracy": {
        "en": "The share of generated cells that the classifier assigns to the row's label.",
        "zh": "被分类器判为该行标签的生成结果所占的比例。",
    },
    "name_gen_accuracy_real": {
        "en": "classifier accuracy, real cells",
        "zh": "分类器准确率（真实数据）",
    },
    "means_gen_accuracy_real": {
        "en": "The same for the real cells: the classifier makes errors too.",
        "zh": "真实单元格的同一比例：分类器也会出错。",
    },
    "name_gen_accuracy_codec": {
        "en": "classifier accuracy, through the codec",
        "zh": "分类器准确率（经编解码器）",
    },
    "means_gen_accuracy_codec": {
        "en": "The same for real cells after encoding and decoding by the codec: an upper bound for generated cells.",
        "zh": "真实单元格经编解码器编码再解码后的同一比例：生成结果的上限。",
    },
    "name_gen_token_F1": {
        "en": "word F1",
        "zh": "词语 F1",
    },
    "means_gen_token_F1": {
        "en": "F1 of the words (Chinese: characters) of the generated text and of the row's own.",
        "zh": "生成文本与该行原文的词（中文为字）的 F1。",
    },
    # ── several methods side by side ─────────────────────────────────────────────────────────────────────────────
    "contest_title": {
        "en": "Benchmark",
        "zh": "方法比较",
    },
    "contest_chart": {
        "en": "{metric} over all directions and seeds, best first.",
        "zh": "{metric}，所有方向与种子合计，从好到差。",
    },
    "contest_table": {
        "en": "One row for each method; the 95 % interval is below each value.",
        "zh": "每种方法一行；每个数值下面是它的 95 % 区间。",
    },
    "method": {"en": "method", "zh": "方法"},
    "all_directions": {"en": "{metric}, all", "zh": "{metric}，合计"},
    "cpu": {
        "en": "CPU s",
        "zh": "CPU 时间（秒）",
    },
    "wall": {
        "en": "wall s",
        "zh": "墙钟时间（秒）",
    },
    "memory": {"en": "memory, MB", "zh": "内存，MB"},
    "differences_title": {
        "en": "Significant differences",
        "zh": "显著差异",
    },
    "differences_text": {
        "en": (
            "Row minus column, in {metric}, on the same queries. Bold with a tick: significant, p below 0.05 after "
            "Holm's correction for all {tests} pairs."
        ),
        "zh": "行减列的 {metric} 之差，查询相同。加粗带勾的为显著差异（对全部 {tests} 对做 Holm 校正后 p 小于 0.05）。",
    },
    "difference": {
        "en": "{a} − {b}: {value}, interval {low} to {high}, p {p}",
        "zh": "{a} − {b}：{value}，区间 {low} 至 {high}，p {p}",
    },
    "left_out_title": {
        "en": "Methods that were not run",
        "zh": "未运行的方法",
    },
    "each_metric": {
        "en": "All metrics",
        "zh": "全部指标",
    },
    # ── a diagnosis ──────────────────────────────────────────────────────────────────────────────────────────────
    "dx_title": {
        "en": "Diagnosis: the data and what to do",
        "zh": "诊断：数据的情况与建议",
    },
    "dx_there": {
        "en": "Coverage",
        "zh": "数据覆盖",
    },
    "dx_quality": {
        "en": "Data quality",
        "zh": "数据质量",
    },
    "dx_relation": {
        "en": "Dependence between columns",
        "zh": "各列之间的相关性",
    },
    "dx_expect": {
        "en": "Expected retrieval, before training",
        "zh": "训练之前的预期检索效果",
    },
    "dx_space": {
        "en": "How the space uses the columns",
        "zh": "空间如何使用各列",
    },
    "dx_cost": {
        "en": "Cost of a fit",
        "zh": "一次拟合的开销",
    },
    "dx_advice": {
        "en": "Recommendations",
        "zh": "建议",
    },
    "dx_method": {"en": "Recommended: {method}", "zh": "推荐方法：{method}"},
    "dx_method_default": {"en": "km.fit(table) as it stands", "zh": "直接使用 km.fit(table)"},
    "dx_no_method": {"en": "No fit is recommended", "zh": "不建议拟合"},
    "dx_more_lines": {"en": "… and {count:,} more", "zh": "……另有 {count:,} 行"},
    "dx_column": {"en": "column", "zh": "列"},
    "dx_kind": {
        "en": "modality",
        "zh": "模态",
    },
    "dx_kind_Text": {"en": "Text", "zh": "文本"},
    "dx_kind_Image": {
        "en": "Image",
        "zh": "图像",
    },
    "dx_kind_Audio": {
        "en": "Audio",
        "zh": "音频",
    },
    "dx_kind_Vector": {"en": "Vector", "zh": "向量"},
    "dx_kind_Category": {"en": "Category", "zh": "类别"},
    "dx_kind_Number": {"en": "Number", "zh": "数值"},
    "dx_rows": {"en": "rows", "zh": "行数"},
    "dx_values": {"en": "values", "zh": "值的个数"},
    "dx_repeated": {
        "en": "duplicates",
        "zh": "重复",
    },
    "dx_still": {
        "en": "near-constant features",
        "zh": "近似恒定的特征",
    },
    "dx_broken": {
        "en": "unreadable",
        "zh": "无法读取",
    },
    "dx_both": {"en": "rows with both", "zh": "两列都有的行"},
    "dx_pair": {"en": "columns", "zh": "两列"},
    "dx_p": {
        "en": "p (independence)",
        "zh": "p 值（原假设：两列无关）",
    },
    "dx_axes": {
        "en": "shared components",
        "zh": "共有分量",
    },
    "dx_first": {
        "en": "largest ρ",
        "zh": "最大的 ρ",
    },
    "dx_neighbours": {
        "en": "neighbour overlap",
        "zh": "近邻重合",
    },
    "dx_cka": {"en": "CKA", "zh": "核对齐 CKA"},
    "dx_information": {
        "en": "mutual information, nats",
        "zh": "互信息（奈特）",
    },
    "dx_direction": {
        "en": "query → result",
        "zh": "查询 → 结果",
    },
    "dx_expected": {
        "en": "expected R@{k}",
        "zh": "预期 R@{k}",
    },
    "dx_among": {
        "en": "gallery size",
        "zh": "候选数",
    },
    "dx_chance": {
        "en": "chance",
        "zh": "随机水平",
    },
    "dx_came": {
        "en": "measured",
        "zh": "实测",
    },
    "dx_works": {
        "en": "what works",
        "zh": "可行的方法",
    },
    "dx_verdict_align": {"en": "align", "zh": "对齐"},
    "dx_verdict_predict": {"en": "predict", "zh": "预测"},
    "dx_verdict_both": {"en": "both", "zh": "两者皆可"},
    "dx_verdict_neither": {"en": "neither", "zh": "都不行"},
    "dx_centroid": {
        "en": "distance of means",
        "zh": "均值间距",
    },
    "dx_distribution": {
        "en": "difference of distributions",
        "zh": "分布差异",
    },
    "dx_gap_p": {
        "en": "p (same distribution)",
        "zh": "p 值（原假设：分布相同）",
    },
    "dx_weight": {
        "en": "mean weight",
        "zh": "平均权重",
    },
    "dx_contribution": {
        "en": "contribution to {to}",
        "zh": "对“{to}”的贡献",
    },
    "dx_step": {"en": "step", "zh": "步骤"},
    "dx_step_features": {"en": "features: {column}", "zh": "特征：{column}"},
    "dx_step_diagnosis": {"en": "diagnosis", "zh": "诊断"},
    "dx_step_closed_form": {"en": "closed form", "zh": "闭式解"},
    "dx_step_contrast": {
        "en": "contrastive fine-tuning",
        "zh": "对比学习微调",
    },
    "dx_step_training": {"en": "training", "zh": "训练"},
    "dx_step_decoders": {"en": "decoders", "zh": "解码器"},
    "dx_step_ridge_decoders": {"en": "ridge decoders", "zh": "岭回归解码器"},
    "dx_step_space": {"en": "the stored space", "zh": "存储的空间"},
    "dx_step_index": {"en": "the index", "zh": "索引"},
    "dx_cpu": {
        "en": "CPU s",
        "zh": "CPU 时间（秒）",
    },
    "dx_wall": {
        "en": "wall s",
        "zh": "墙钟时间（秒）",
    },
    "dx_memory": {"en": "memory, MB", "zh": "内存，MB"},
    "dx_disk": {"en": "disk, MB", "zh": "磁盘，MB"},
    "dx_patterns": {
        "en": "Combinations of columns",
        "zh": "列的组合",
    },
    "dx_coverage_text": {
        "en": "How many of the {rows:,} rows have each column, and how many have exactly this combination of columns.",
        "zh": "{rows:,} 行中，有多少行具有每一列，又有多少行恰好具有这种组合。",
    },
    "dx_spectrum_title": {
        "en": "Canonical correlations",
        "zh": "典型相关系数",
    },
    "dx_spectrum_text": {
        "en": (
            "Cross-validated canonical correlations of each pair of columns, in descending order, measured on rows "
            "that the directions were not estimated from. Bar: correlation; line: 95 % interval; pale bars: not "
            "significant."
        ),
        "zh": (
            "每两列的交叉验证典型相关系数，从大到小排列，在未用于估计方向的行上测量。条形：相关系数；线：95 % 区间；"
            "浅色条形：不显著。"
        ),
    },
    "dx_expect_text": {
        "en": (
            "The expected share of queries on new rows that retrieve their own row among the first {k}, for a "
            "closed form learned on part of these rows."
        ),
        "zh": "用这些行的一部分求解闭式解，在新的行上，查询能在前 {k} 个结果中检索到本行的预期比例。",
    },
    "dx_gap_text": {
        "en": (
            "How far apart the codes of two columns are in the space. The distance of means disappears if means are "
            "subtracted; the difference of distributions remains."
        ),
        "zh": "两列的编码在空间中相距多远。减去均值即可消除均值间距；分布差异会保留。",
    },
    "dx_use_text": {
        "en": (
            "The weight of each column in the fused code, and its contribution: the Shapley value, i.e. the mean "
            "gain of adding it to any subset of the other columns."
        ),
        "zh": "融合编码中各列的权重及其贡献：Shapley 值，即把它加到其他各列的任意子集上时的平均增益。",
    },
    "dx_speed_title": {
        "en": "Learning curves by column",
        "zh": "各列的学习曲线",
    },
    "dx_terms": {
        "en": "Terms",
        "zh": "术语说明",
    },
    "dx_means_p": {
        "en": (
            "p (independence): the probability that independent columns look at least as dependent as these two; "
            "below 0.05 they are called dependent."
        ),
        "zh": "p 值（原假设：两列无关）：两列独立时，看起来至少有这样相关的概率；小于 0.05 即认为相关。",
    },
    "dx_means_axes": {
        "en": "Shared components: directions in which the two columns correlate significantly on held-out rows.",
        "zh": "共有分量：在留出的行上，两列显著相关的方向的个数。",
    },
    "dx_means_neighbours": {
        "en": (
            "Neighbour overlap: the share of a row's nearest neighbours in one column that are also nearest in the "
            "other one, corrected for chance (0 is chance, 1 is complete). CKA: similarity of all distances, "
            "corrected in the same way."
        ),
        "zh": (
            "近邻重合：一行在一列中的最近邻也是另一列中最近邻的比例，已扣除随机水平（0 为随机，1 为完全一致）。CKA："
            "所有距离的相似程度，作同样的校正。"
        ),
    },
    "dx_means_information": {
        "en": (
            "Mutual information: InfoNCE lower bound; the second number is the largest value that the bound can "
            "reach with these rows."
        ),
        "zh": "互信息：InfoNCE 下界；第二个数是用这些行所能达到的最大值。",
    },
    "dx_means_verdict": {
        "en": (
            "Align: map both columns into one space and search there. Predict: predict the features of the target "
            "from the query and search with those. Both: either works. Neither: this direction is not expected to "
            "work."
        ),
        "zh": (
            "对齐：把两列映射到同一个空间并在其中检索。预测：由查询预测目标的特征，再用它检索。两者皆可："
            "两种方法都行。都不行：预计这个方向不会有效。"
        ),
    },
    "footer": {
        "en": "Generated by kuamo {version}. This page is a single file and loads nothing from elsewhere.",
        "zh": "由 kuamo {version} 生成。本页是单个文件，不从别处加载任何内容。",
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
        'Recall at k: the share of queries with a relevant item a'
    """
    name, _, k = metric.partition("@")
    key = f"means_{name if k.isdigit() else metric}"
    return label(lang, key, k=k) if key in WORDS else None
