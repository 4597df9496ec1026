"""Sentences of fits, reports and benchmarks; see `kuamo.core.catalog`."""

__all__ = ["FITS"]

FITS: dict[str, tuple[str, str]] = {
    # ── which encoder, and why ───────────────────────────────────────────────────────────────────────────────────
    "features": ("{column}: {encoder}, {count} features", "{column}：{encoder}，{count} 个特征"),
    "same_everywhere": (
        "{column}: not used, since all its cells in these rows are equal",
        "{column}：这些行中的单元格全部相同，因此不使用",
    ),
    "first_frames": (
        "{column}: {count:,} animated images; only the first frame of each is used",
        "{column}：{count:,} 幅动态图片，各只使用第一帧",
    ),
    "fit_cost": (
        "about {cpu:.2g} CPU seconds: {parts} (estimated from {spent:.1f} seconds of measurements)",
        "约 {cpu:.2g} 秒 CPU 时间：{parts}（由 {spent:.1f} 秒的测量估计）",
    ),
    "fit_cost_part": ("{name} {cpu:.2g}", "{name} {cpu:.2g} 秒"),
    "trained_here": ("{column}: {encoder}, trained in this fit", "{column}：{encoder}，在本次拟合中训练"),
    "because": ("{what} ({why})", "{what}（{why}）"),
    "vectors": ("vectors are used as features", "向量直接用作特征"),
    "classes": ("{count} classes, one-hot", "{count} 个类别，独热编码"),
    "numbers": ("numbers are used as features", "数值直接用作特征"),
    "imagenet": ("pretrained on ImageNet", "在 ImageNet 上预训练"),
    "two_of_sound": (
        "spectra distinguish words; a network trained on sound effects recognises sound sources",
        "频谱能区分词语，音效网络能识别声源",
    ),
    "spectra_alone": (
        "no network trained on sound effects is installed: {how}",
        "未安装用音效训练的网络，可用 {how} 安装",
    ),
    "english": ("only the letters a–z, so the texts are assumed to be English", "只有字母 a–z，因此按英文处理"),
    "no_minilm": (
        "MiniLM, which is better for English, is not installed",
        "未安装更适合英文的 MiniLM",
    ),
    "foreign": ("{share:.0f} % of the letters are not a–z", "{share:.0f} % 的字母不是 a–z"),
    "foreign_alone": (
        "{share:.0f} % of the letters are not a–z, but this encoder supports English only, so expect poor results: "
        "{how}",
        "{share:.0f} % 的字母不是 a–z，而此编码器只支持英文，效果不会好；可用 {how} 安装多语言编码器",
    ),
    "attention_even": (
        "attention with score={score!r} and the mean of two codes as its query gives both columns the weight .5 in "
        "every "
        "row: use another query, such as query=0, or score='additive'",
        "score={score!r} 的注意力若以两个编码的均值为查询，则每一行中两列的权重都是 .5：请换一个查询，如 query=0，"
        "或用 score='additive'",
    ),
    "plan_unfinished": (
        "Sinkhorn has not converged after {count:,} iterations: marginals of the plan are up to {off:.0f} % off; use "
        "more "
        "iterations, or an eps larger than {eps:g}",
        "Sinkhorn 迭代 {count:,} 次后仍未收敛：传输方案的边缘分布偏差达 {off:.0f} %；请增加 `iterations`，"
        "或使用大于 {eps:g} 的 `eps`",
    ),
    "asked_in_another_language": (
        "{column}: {share:.0f} % of the letters of the given texts are not a–z; {encoder} supports English only, so "
        "the "
        "results are meaningless: use English, or a space fitted with km.encoders.MultilingualE5()",
        "{column}：所给文本有 {share:.0f} % 的字母不是 a–z；{encoder} 只支持英文，检索结果没有意义：请用英文，"
        "或用 km.encoders.MultilingualE5() 重新拟合",
    ),
    # ── generation ───────────────────────────────────────────────────────────────────────────────────────────────
    "codec": ("{column}: generated through {codec}, {count} components", "{column}：通过 {codec} 生成，{count} 个分量"),
    "codec_measured": (
        "{column}: generated through {codec}, {count} components with {share:.1f} % of the variance",
        "{column}：通过 {codec} 生成，{count} 个分量，保留 {share:.1f} % 的方差",
    ),
    "spoken": ("{column}: the texts of {of}, read aloud by espeak-ng", "{column}：由 espeak-ng 朗读 {of} 的文本"),
    "decoders_trained": ("decoders of {columns} trained for {steps:,} steps", "{columns} 的解码器已训练 {steps:,} 步"),
    "decoders_stopped": (
        "decoders of {columns}: stopped early after {steps:,} of {given:,} steps; the best checkpoint is kept",
        "{columns} 的解码器：在 {given:,} 步中的第 {steps:,} 步提前停止，保留最佳检查点",
    ),
    "decoder_better": (
        "{column}: on {rows} held-out rows {what} generates better than ridge regression: energy score {ours:.3g} "
        "against "
        "{theirs:.3g} (lower is better)",
        "{column}：在 {rows} 行留出数据上，{what} 的生成优于岭回归：能量得分 {ours:.3g} 对 {theirs:.3g}（越小越好）",
    ),
    "decoder_worse": (
        "{column}: on {rows} held-out rows {what} does NOT generate better than ridge regression: energy score "
        "{ours:.3g} "
        "against {theirs:.3g} (lower is better); use decoders={{'{column}': km.Ridge()}} instead",
        "{column}：在 {rows} 行留出数据上，{what} 的生成不如岭回归：能量得分 {ours:.3g} 对 {theirs:.3g}（越小越好）；"
        "建议使用 decoders={{'{column}': km.Ridge()}}",
    ),
    "made_unusable": (
        "{column}: the output of {what} is probably not recognisable: on {rows} held-out rows its distance to real "
        "cells "
        "is {off:.1f} times the distance between real cells, and it is closer to the cell of its own row than to "
        "another one in {right:.0f} % of cases (50 % by chance): train longer, or on more rows",
        "{column}：{what} 的生成结果可能无法辨认：在 {rows} 行留出数据上，它离真实单元的距离是真实单元彼此间"
        "距离的 {off:.1f} 倍，且只有 {right:.0f} % 的情况下更接近本行而不是别行的单元格（随机为 50 %）："
        "请延长训练，或增加行数",
    ),
    "bilinear": (
        "{column}: bilinear model of content and style (style column: {by}), solved on {rows:,} rows; leave-one-"
        "combination-out leaves {left:.1f} % of the variance unexplained",
        "{column}：内容与风格的双线性模型（风格列：{by}），用 {rows:,} 行求解；逐个留出组合时，"
        "未解释的方差为 {left:.1f} %",
    ),
    "made_unpaired": (
        "{column}: {what} is trained without pairs: it matches the distribution of the column's cells; which row an "
        "output belongs to is determined only by the closed form that it starts from and by cycle consistency",
        "{column}：{what} 不使用配对训练：它拟合的是这一列单元格的分布；输出属于哪一行，"
        "只由作为起点的闭式解和循环一致性决定",
    ),
    "writer_better": (
        "{column}: on {rows} held-out rows generated texts reach a word F1 of {ours:.2f}, retrieved texts "
        "{theirs:.2f}, so "
        "texts are generated",
        "{column}：在 {rows} 行留出数据上，生成文本的词语 F1 为 {ours:.2f}，检索文本为 {theirs:.2f}，因此采用生成",
    ),
    "text_falls_back": (
        "{column}: on {rows} held-out rows retrieved texts reach a word F1 of {theirs:.2f}, generated texts "
        "{ours:.2f}, so "
        "texts are retrieved",
        "{column}：在 {rows} 行留出数据上，检索文本的词语 F1 为 {theirs:.2f}，生成文本为 {ours:.2f}，因此采用检索",
    ),
    "writer_worse": (
        "{column}: on {rows} held-out rows generated texts reach a word F1 of {ours:.2f}, retrieved texts "
        "{theirs:.2f}; "
        "use decoders={{'{column}': km.NearestText()}} instead",
        "{column}：在 {rows} 行留出数据上，生成文本的词语 F1 为 {ours:.2f}，检索文本为 {theirs:.2f}；"
        "建议使用 decoders={{'{column}': km.NearestText()}}",
    ),
    # ── cells ─────────────────────────────────────────────────────────────────────────────────────────────────────
    "skipped": (
        "{column}: {count:,} of {given:,} cells cannot be read and are treated as missing: {first}",
        "{column}：{given:,} 个单元格中有 {count:,} 个无法读取，按缺失处理：{first}",
    ),
    "skipped_one": (
        "{column}: 1 of {given:,} cells cannot be read and is treated as missing: {first}",
        "{column}：{given:,} 个单元格中有 1 个无法读取，按缺失处理：{first}",
    ),
    "bad_row": ("row {row}: given {why}", "行 {row}：{why}"),
    "more": ("and {count:,} more", "另有 {count:,} 个"),
    "too_long": (
        "{column}: {count:,} of {given:,} values are longer than the limit of {encoder} ({limit}) and are truncated",
        "{column}：{given:,} 个值中有 {count:,} 个超过 {encoder} 的长度上限（{limit}），超出部分被截断",
    ),
    "averaged": (
        "{column}: where a row has several entries, the closed form uses their mean ({count:,} of {given:,} rows)",
        "{column}：一行有多个条目时，闭式解使用它们的均值（{given:,} 行中有 {count:,} 行）",
    ),
    # ── the closed form ──────────────────────────────────────────────────────────────────────────────────────────
    "cca": (
        "{method} on {rows:,} paired rows: {kernel} kernel, ridge {ridge:.3g}, {dim} dimensions, weights ρ^{gamma:g}, "
        "unit norm {norm} weighting; chosen by cross-validated retrieval on {tried} of {folds} folds (mean reciprocal "
        "rank {score:.3f} among {gallery:.0f})",
        "{method}，{rows:,} 个成对的行：{kernel}，岭参数 {ridge:.3g}，{dim} 维，权重 ρ^{gamma:g}，在加权{norm}归一化；"
        "在 {folds} 折中的 {tried} 折上按交叉验证的检索效果选出（平均倒数排名 {score:.3f}，候选 {gallery:.0f} 个）",
    ),
    "gcca": (
        "{method} of {columns} columns: {kernel} kernel, ridge {ridge:.3g}, {dim} dimensions, weights ρ^{gamma:g}, "
        "unit norm {norm} weighting; chosen by cross-validated retrieval on {tried} of {folds} folds (mean reciprocal "
        "rank {score:.3f} among {gallery:.0f})",
        "{method}，{columns} 列：{kernel}，岭参数 {ridge:.3g}，{dim} 维，权重 ρ^{gamma:g}，在加权{norm}归一化；"
        "在 {folds} 折中的 {tried} 折上按交叉验证的检索效果选出（平均倒数排名 {score:.3f}，候选 {gallery:.0f} 个）",
    ),
    "regularised CCA": ("regularised CCA", "正则化 CCA"),
    "generalised CCA": ("generalised CCA", "广义 CCA"),
    "Procrustes": ("Procrustes", "Procrustes 分析"),
    "regression": ("regression {given} → {wanted}", "{given} → {wanted} 的回归"),
    "linear": ("linear", "线性核"),
    "arc-cosine": ("arc-cosine", "反余弦核"),
    "chi-squared": ("χ²", "χ² 核"),
    "semantic": (
        "semantic matching of {count} classes on {rows:,} labelled rows: {chosen}; chosen by retrieval among rows "
        "scored by all others (mean average precision {score:.3f})",
        "语义匹配，{count} 类，{rows:,} 个有标签的行：{chosen}；"
        "按检索效果选出，每一行的得分只由其余各行得到（平均精度均值 {score:.3f}）",
    ),
    "late": (
        "{column}: added after the joint fit, by canonical correlation with the codes of the other columns on {rows:,} "
        "common rows (ridge {ridge:.3g}, mean reciprocal rank {score:.3f} among {gallery:.0f})",
        "{column}：在联合拟合之后加入，在 {rows:,} 个共同的行上与其他列的编码做典型相关分析（岭参数 {ridge:.3g}，"
        "平均倒数排名 {score:.3f}，候选 {gallery:.0f} 个）",
    ),
    "semantic_column": (
        "{column}: {kernel} kernel, ridge {ridge:.3g}, {soft:.0%} of the target from the other columns",
        "{column}：{kernel}，岭参数 {ridge:.3g}，目标的 {soft:.0%} 来自其他列",
    ),
    "before": ("before", "之前"),
    "after": ("after", "之后"),
    # ── prediction by a space that was fitted for something else ───────────────────────────────────────────────────
    "predicts_another": (
        "{column}: this space was fitted to predict {targets}; {column} is decoded from the shared code, without "
        "calibration, and likely worse than with a space fitted to predict it",
        "{column}：这个空间是为预测 {targets} 训练的；{column} 由共享编码解码得到，未经校准，"
        "通常不如专门为预测它而训练的空间",
    ),
    "predicts_unfitted": (
        "{column}: this space was not fitted to predict; {column} is decoded from the shared code, without "
        "calibration, "
        "and likely worse than with a space fitted to predict it",
        "{column}：这个空间不是为预测训练的；{column} 由共享编码解码得到，未经校准，通常不如专门为预测它而训练的空间",
    ),
    # ── training ─────────────────────────────────────────────────────────────────────────────────────────────────
    "contrast_stays": (
        "fine-tuning with {steps} InfoNCE steps: mean reciprocal rank on held-out rows from {before:.3f} to "
        "{after:.3f} "
        "(standard error {error:.3f}), so the closed form is kept",
        "用 {steps} 步 InfoNCE 微调：留出行上的平均倒数排名由 {before:.3f} 变为 {after:.3f}"
        "（标准误 {error:.3f}），因此保留闭式解",
    ),
    "contrast_taken": (
        "fine-tuning with {steps} InfoNCE steps: mean reciprocal rank on held-out rows from {before:.3f} to "
        "{after:.3f} "
        "(standard error {error:.3f}), so the fine-tuned weights are kept",
        "用 {steps} 步 InfoNCE 微调：留出行上的平均倒数排名由 {before:.3f} 变为 {after:.3f}"
        "（标准误 {error:.3f}），因此采用微调后的权重",
    ),
    "trained": (
        "trained {objective}: {steps} steps, batch size {rows}, {optimiser} with learning rate {rate:g}; final "
        "{losses}",
        "训练 {objective}：{steps} 步，批大小 {rows}，{optimiser}，学习率 {rate:g}；最终 {losses}",
    ),
    "against_imbalance": ("against imbalance: {what}", "针对不平衡采取的措施：{what}"),
    "batches_skipped": (
        "{count} of {given} batches had no row that the objective can use and were skipped",
        "{given} 批中有 {count} 批没有目标能用的行，已跳过",
    ),
    "unpaired_only": (
        "{objectives} without a term that uses pairs or labels: the distributions of the columns are aligned, not "
        "their "
        "rows, so a row will not find its match",
        "{objectives} 没有使用配对或标签的项：对齐的是各列的分布，而不是行，因此一行找不到与它匹配的行",
    ),
    "class_codes": (
        "{column}: {count:,} classes with few rows each, so a nearest-class-mean classifier is used ({columns} "
        "whitened "
        "within classes, {size} numbers), without training",
        "{column}：有 {count:,} 个类别，每类行数很少，因此采用最近类均值分类器"
        "（{columns} 经类内白化后的 {size} 个数），无需训练",
    ),
    "joint": (
        "combined with a regression on the concatenated features of {columns}, {count:,} numbers, ridge {penalty:.0e}",
        "与一个回归结合，其输入是 {columns} 的特征拼接（{count:,} 个数），岭参数 {penalty:.0e}",
    ),
    "start": ("initialisation: {what}", "初始化：{what}"),
    "start_label": ("initialisation, entries paired by label: {what}", "初始化（按标签配对）：{what}"),
    "start_group": ("initialisation, entries paired by group: {what}", "初始化（按组配对）：{what}"),
    # ── a report's remarks ───────────────────────────────────────────────────────────────────────────────────────
    "remark_groups": (
        "rows belong to groups: intervals resample the {count:,} groups",
        "有些行属于同一组：区间按 {count:,} 个组重抽样",
    ),
    "remark_unjudged": (
        "{count:,} rows without a label are used neither as queries nor as answers",
        "{count:,} 行没有标签，既不作查询，也不作答案",
    ),
    "remark_bytes": (
        "previews reached {megabytes} MB: further images and sounds are shown as text",
        "预览已达 {megabytes} MB：其余的图像和音频用文字代替",
    ),
    "remark_media": (
        "column {column!r}: its preview is {mime!r}, which a page cannot show; it is shown as text",
        "列 {column!r}：它的预览是 {mime!r}，页面无法显示，用文字代替",
    ),
    # ── benchmarks ───────────────────────────────────────────────────────────────────────────────────────────────
    "contest": (
        "{rows:,} rows of {source}, {test} held out by {by}, seeds {seeds}{right}",
        "“{source}”的 {rows:,} 行，按 {by} 留出 {test}，随机种子 {seeds}{right}",
    ),
    "contest_right": (", relevant = same {positives}", "；{positives} 相同即为相关"),
    "contest_control": (
        "{method} is the negative control: it has no cross-modal term and should stay at chance level",
        "{method} 是阴性对照：它没有跨模态的项，应保持在随机水平",
    ),
    "contest_shared": (
        "features of frozen columns were encoded once for all methods: {seconds:.1f} CPU s, not included above",
        "不训练的列的特征只编码一次，供所有方法使用：{seconds:.1f} 秒 CPU 时间，不计入上面的数字",
    ),
    "contest_memory": (
        "CPU and wall seconds: mean of one fit; memory: peak of this process during a fit minus its memory before the "
        "fit, maximum over seeds",
        "CPU 时间与墙钟时间：一次拟合的平均；内存：拟合期间本进程的峰值减去开始前的占用，取各种子中最大的",
    ),
    "contest_groups": (
        "intervals and tests: groups of rows are resampled (or their signs flipped) with all their queries, of every "
        "direction and seed; they cover the choice of rows, not the choice of seeds",
        "区间与检验：同一组的行连同它们在各方向、各种子中的所有查询一起重抽样（或一起变号）；"
        "它们反映行的抽样误差，不反映种子的影响",
    ),
}
