"""Sentences of fits, reports and contests; see `kuamo.core.catalog`."""

__all__ = ["FITS"]

FITS: dict[str, tuple[str, str]] = {
    # ── which encoder, and why ───────────────────────────────────────────────────────────────────────────────────
    "features": ("{column}: {encoder}, {count} features", "{column}：{encoder}，{count} 个特征"),
    "same_everywhere": (
        "{column}: set aside, all its cells are the same in these rows",
        "{column}：这些行中各单元都相同，已搁置",
    ),
    "first_frames": (
        "{column}: the first frame of {count:,} moving pictures is read",
        "{column}：{count:,} 幅动图只读第一帧",
    ),
    "fit_cost": (
        "about {cpu:.2g} CPU seconds: {parts} (told by {spent:.1f} seconds of measuring)",
        "约 {cpu:.2g} 处理器秒：{parts}（由 {spent:.1f} 秒的测量得出）",
    ),
    "fit_cost_part": ("{name} {cpu:.2g}", "{name} {cpu:.2g} 秒"),
    "trained_here": ("{column}: {encoder}, trained here", "{column}：{encoder}，由这次训练得到"),
    "because": ("{what} ({why})", "{what}（{why}）"),
    "vectors": ("vectors are features already", "向量本身就是特征"),
    "classes": ("{count} classes, an indicator for each", "{count} 个类别，每类一个指示变量"),
    "numbers": ("a number is its own feature", "数值本身就是特征"),
    "imagenet": ("pretrained on ImageNet", "在 ImageNet 上预训练"),
    "two_of_sound": (
        "spectra tell words apart, a network of sound effects tells what makes a sound",
        "频谱能区分词语，音效网络能听出是什么在发声",
    ),
    "spectra_alone": (
        "no network that knows sound effects is at hand: {how}",
        "没有安装认识音效的网络，可用 {how} 安装",
    ),
    "english": ("letters a–z alone: English is supposed", "只有字母 a–z，按英文处理"),
    "no_minilm": (
        "MiniLM, better for English, is not installed",
        "没有安装更适合英文的 MiniLM",
    ),
    "foreign": ("{share:.0f} % of the letters are not a–z", "{share:.0f} % 的字母不是 a–z"),
    "foreign_alone": (
        "{share:.0f} % of the letters are not a–z, and it knows English alone, expect little: {how}",
        "{share:.0f} % 的字母不是 a–z，而它只懂英文，效果不会好；可用 {how} 安装多语言的",
    ),
    "attention_even": (
        "attention by {score} with the mean of two codes as its query weighs both columns .5 in every row: take "
        "another query, such as query=0, or score='additive'",
        "以两个编码的均值为查询、按 {score} 计分的注意力，在每一行都给两列各 .5 的权重：请换一个查询，如 query=0，"
        "或用 score='additive'",
    ),
    "plan_unfinished": (
        "a transport plan is up to {off:.0f} % off its marginals after {count:,} iterations: expected more iterations, "
        "or a larger eps than {eps:g}",
        "传输方案在 {count:,} 次迭代后仍偏离其边缘分布多达 {off:.0f} %：请增加 `iterations`，或取大于 {eps:g} 的 `eps`",
    ),
    "asked_in_another_language": (
        "{column}: given texts of which {share:.0f} % of the letters are not a–z; {encoder} reads English alone, and "
        "what is found for them means nothing: expected English, or a space fitted with km.encoders.MultilingualE5()",
        "{column}：所给文本有 {share:.0f} % 的字母不是 a–z；{encoder} 只懂英文，检索结果没有意义：请用英文，"
        "或用 km.encoders.MultilingualE5() 重新拟合",
    ),
    # ── what is made ─────────────────────────────────────────────────────────────────────────────────────────────
    "codec": ("{column}: made by {codec} of {count} numbers", "{column}：由 {codec} 的 {count} 个数生成"),
    "codec_measured": (
        "{column}: made by {codec} of {count} numbers, which hold {share:.1f} % of the variance",
        "{column}：由 {codec} 的 {count} 个数生成，保留 {share:.1f} % 的方差",
    ),
    "spoken": ("{column}: the texts of {of}, read aloud by espeak-ng", "{column}：由 espeak-ng 朗读 {of} 的文本"),
    "decoders_trained": ("decoders of {columns} trained, {steps:,} steps", "{columns} 的解码器已训练 {steps:,} 步"),
    "decoders_stopped": (
        "decoders of {columns}: stopped after {steps:,} of {given:,} steps, and kept as they were best",
        "{columns} 的解码器：在 {given:,} 步中的第 {steps:,} 步停止，保留其最佳状态",
    ),
    "decoder_better": (
        "{column}: {what} makes held-out cells better than ridge: energy score {ours:.3g} against {theirs:.3g} on "
        "{rows} rows (less is better)",
        "{column}：在 {rows} 行留出数据上，{what} 的生成优于岭回归：能量得分 {ours:.3g} 对 {theirs:.3g}（越小越好）",
    ),
    "decoder_worse": (
        "{column}: {what} does NOT make held-out cells better than ridge: energy score {ours:.3g} against "
        "{theirs:.3g} on {rows} rows (less is better); decoders={{'{column}': km.Ridge()}} is the better choice",
        "{column}：在 {rows} 行留出数据上，{what} 的生成不如岭回归：能量得分 {ours:.3g} 对 {theirs:.3g}（越小越好）；"
        "建议使用 decoders={{'{column}': km.Ridge()}}",
    ),
    "made_unusable": (
        "{column}: do not expect to recognise what {what} makes: on {rows} held-out rows it lies {off:.1f} times as "
        "far from real cells as these do from each other, and is nearer to its own than to another in {right:.0f} % of "
        "cases (50 % by chance): train longer, or on more rows",
        "{column}：{what} 生成的内容恐怕认不出来：在 {rows} 行留出数据上，它离真实单元的距离是真实单元彼此间"
        "距离的 {off:.1f} 倍，且只有 {right:.0f} % 的情形比起别行更接近自己的单元（随机为 50 %）："
        "请训练更久，或用更多的行",
    ),
    "bilinear": (
        "{column}: a content in a style (by {by}), from {rows:,} rows; combinations left out in turn keep {left:.1f} % "
        "of their variance unexplained",
        "{column}：由“内容 × 风格”（风格列：{by}）生成，用 {rows:,} 行求解；逐个留出组合时，"
        "未解释的方差为 {left:.1f} %",
    ),
    "made_unpaired": (
        "{column}: {what} is told no pairs, so it learns unpaired: what it makes is like the column's cells as a "
        "whole, and which row it is of is known by the closed form that it starts at, and by the cycle",
        "{column}：{what} 不使用配对：生成结果整体上像这一列的单元格（对齐的是分布，而不是行）；"
        "属于哪一行，只由作为起点的闭式解和循环一致性决定",
    ),
    "writer_better": (
        "{column}: written texts have {ours:.2f} of their words in common with those of {rows} held-out rows, found "
        "ones {theirs:.2f}, so they are written",
        "{column}：与 {rows} 行留出文本相比，写出的文本词语重合 {ours:.2f}，检索到的为 {theirs:.2f}，因此采用写出的",
    ),
    "writer_yields": (
        "{column}: found texts have {theirs:.2f} of their words in common with those of {rows} held-out rows, written "
        "ones {ours:.2f}, so they are found",
        "{column}：与 {rows} 行留出文本相比，检索到的文本词语重合 {theirs:.2f}，写出的为 {ours:.2f}，因此采用检索",
    ),
    "writer_worse": (
        "{column}: written texts have {ours:.2f} of their words in common with those of {rows} held-out rows, and "
        "found ones {theirs:.2f}; decoders={{'{column}': km.NearestText()}} is the better choice",
        "{column}：与 {rows} 行留出文本相比，写出的文本词语重合 {ours:.2f}，检索到的为 {theirs:.2f}；"
        "建议使用 decoders={{'{column}': km.NearestText()}}",
    ),
    # ── what the cells are like ──────────────────────────────────────────────────────────────────────────────────
    "skipped": (
        "{column}: {count:,} of {given:,} cells cannot be read and count as absent: {first}",
        "{column}：{given:,} 个单元格中有 {count:,} 个读不了，按空缺处理：{first}",
    ),
    "skipped_one": (
        "{column}: 1 of {given:,} cells cannot be read and counts as absent: {first}",
        "{column}：{given:,} 个单元格中有 1 个读不了，按空缺处理：{first}",
    ),
    "bad_row": ("row {row}: given {why}", "行 {row}：{why}"),
    "more": ("and {count:,} more", "另有 {count:,} 个"),
    "too_long": (
        "{column}: {count:,} of {given:,} values are longer than the {limit} that {encoder} reads; what is beyond has "
        "no effect",
        "{column}：{given:,} 个值中有 {count:,} 个超过了 {encoder} 能读的长度（{limit}），超出的部分不起作用",
    ),
    "averaged": (
        "{column}: where a row has several entries, the closed form learns from their mean ({count:,} of {given:,} "
        "rows)",
        "{column}：一行有多个条目时，闭式解用它们的平均来学习（{given:,} 行中有 {count:,} 行）",
    ),
    # ── the closed form ──────────────────────────────────────────────────────────────────────────────────────────
    "closed_two": (
        "{method} on {rows:,} paired rows: {kernel} kernel, ridge {ridge:.3g}, {dim} dimensions, exponent {gamma:g}, "
        "unit norm {norm} the weights; chosen by retrieval on {tried} of {folds} folds (mean reciprocal rank "
        "{score:.3f} among {gallery:.0f})",
        "{method}，{rows:,} 个成对的行：{kernel}，岭参数 {ridge:.3g}，{dim} 维，指数 {gamma:g}，在加权{norm}归一化；"
        "在 {folds} 折中的 {tried} 折上按检索效果选出（平均倒数排名 {score:.3f}，候选 {gallery:.0f} 个）",
    ),
    "closed_several": (
        "{method} of {columns} columns: {kernel} kernel, ridge {ridge:.3g}, {dim} dimensions, exponent {gamma:g}, "
        "unit norm {norm} the weights; chosen by retrieval on {tried} of {folds} folds (mean reciprocal rank "
        "{score:.3f} among {gallery:.0f})",
        "{method}，{columns} 列：{kernel}，岭参数 {ridge:.3g}，{dim} 维，指数 {gamma:g}，在加权{norm}归一化；"
        "在 {folds} 折中的 {tried} 折上按检索效果选出（平均倒数排名 {score:.3f}，候选 {gallery:.0f} 个）",
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
        "{column}: joined last, by canonical correlation with the others' codes on {rows:,} common rows (ridge "
        "{ridge:.3g}, mean reciprocal rank {score:.3f} among {gallery:.0f})",
        "{column}：最后加入，在 {rows:,} 个共同的行上与其他列的编码做典型相关（岭参数 {ridge:.3g}，"
        "平均倒数排名 {score:.3f}，候选 {gallery:.0f} 个），不参与构造空间",
    ),
    "semantic_column": (
        "{column}: {kernel} kernel, ridge {ridge:.3g}, {soft:.0%} of the target from the other columns",
        "{column}：{kernel}，岭参数 {ridge:.3g}，目标的 {soft:.0%} 来自其他列",
    ),
    "before": ("before", "之前"),
    "after": ("after", "之后"),
    # ── what is told by a space that was not fitted to tell it ───────────────────────────────────────────────────
    "told_of_another": (
        "{column}: this space was fitted to predict {targets}; {column} is translated from the shared code, not "
        "calibrated, and likely worse than by a fit to predict it",
        "{column}：这个空间是为预测 {targets} 训练的；{column} 由共享编码翻译得到，未经校准，"
        "通常不如专门为预测它而训练的空间",
    ),
    "told_unfitted": (
        "{column}: this space was not fitted to predict; {column} is translated from the shared code, not calibrated, "
        "and likely worse than by a fit to predict it",
        "{column}：这个空间不是为预测训练的；{column} 由共享编码翻译得到，未经校准，通常不如专门为预测它而训练的空间",
    ),
    # ── training ─────────────────────────────────────────────────────────────────────────────────────────────────
    "contrast_stays": (
        "{steps} steps of InfoNCE from there: mean reciprocal rank {after:.3f} for {before:.3f} ± {error:.3f} on "
        "held-out rows, so the closed form stays",
        "从那里起做 {steps} 步 InfoNCE：在留出的行上，平均倒数排名由 {before:.3f} 变为 {after:.3f}"
        "（误差 ± {error:.3f}），因此保留闭式解",
    ),
    "contrast_taken": (
        "{steps} steps of InfoNCE from there: mean reciprocal rank {after:.3f} for {before:.3f} ± {error:.3f} on "
        "held-out rows, so they are taken",
        "从那里起做 {steps} 步 InfoNCE：在留出的行上，平均倒数排名由 {before:.3f} 变为 {after:.3f}"
        "（误差 ± {error:.3f}），因此采用",
    ),
    "trained": (
        "trained {objective}: {steps} steps of {rows} rows, {optimiser} {rate:g}; at the end {losses}",
        "训练 {objective}：{steps} 步，每步 {rows} 行，{optimiser} {rate:g}；结束时 {losses}",
    ),
    "against_imbalance": ("against imbalance: {what}", "针对不平衡采取的措施：{what}"),
    "batches_skipped": (
        "{count} of {given} batches had no row that the objective can use: skipped",
        "{given} 批中有 {count} 批没有目标能用的行，已跳过",
    ),
    "only_distributions": (
        "{objectives} without a term that knows pairs or labels: the distributions of the columns are aligned, not "
        "their rows; do not expect a row to find its partner",
        "{objectives} 没有用到配对或标签：对齐的是各列的分布，而不是行；不要指望一行能找到它的配对",
    ),
    "class_codes": (
        "{column}: {count:,} classes of few rows each, so they are told by codes of classes, {size} numbers from "
        "{columns} whitened within classes; no training",
        "{column}：有 {count:,} 个类别，每类行数很少，因此按类别编码判别"
        "（{columns} 经类内白化后的 {size} 个数），无需训练",
    ),
    "joint": (
        "beside it a regression on {columns}, {count:,} numbers side by side, ridge {penalty:.0e}",
        "另有一个回归，以 {columns} 并列的 {count:,} 个数为输入，岭参数 {penalty:.0e}",
    ),
    "start": ("start: {what}", "起点：{what}"),
    "start_label": ("start, entries paired by label: {what}", "起点（按标签配对）：{what}"),
    "start_group": ("start, entries paired by group: {what}", "起点（按组配对）：{what}"),
    # ── a report's remarks ───────────────────────────────────────────────────────────────────────────────────────
    "remark_groups": (
        "rows share groups: intervals resample the {count:,} groups",
        "有些行属于同一组：区间按 {count:,} 个组重抽样",
    ),
    "remark_unjudged": (
        "{count:,} rows without a label are neither queries nor answers",
        "{count:,} 行没有标签，既不作查询，也不作答案",
    ),
    "remark_bytes": (
        "previews reached {megabytes} MB: words stand for further pictures and sounds",
        "预览已达 {megabytes} MB：其余的图片和声音用文字代替",
    ),
    "remark_media": (
        "column {column!r}: its preview is {mime!r}, which a page cannot show; words stand for it",
        "列 {column!r}：它的预览是 {mime!r}，页面无法显示，用文字代替",
    ),
    # ── several methods side by side ─────────────────────────────────────────────────────────────────────────────
    "contest": (
        "{rows:,} rows of {source}, {test} held out by {by}, seeds {seeds}{right}",
        "“{source}”的 {rows:,} 行，按 {by} 留出 {test}，随机种子 {seeds}{right}",
    ),
    "contest_right": (", right = same {positives}", "；{positives} 相同算正确"),
    "contest_control": (
        "{method} is the negative control: it has no cross-modal term, and should stay at chance",
        "{method} 是负对照：它没有跨模态的项，应当停在随机水平",
    ),
    "contest_shared": (
        "features of frozen columns were encoded once, for all: {seconds:.1f} CPU s, not in the figures above",
        "不训练的列的特征只编码一次，供所有方法使用：{seconds:.1f} 处理器秒，不计入上面的数字",
    ),
    "contest_memory": (
        "CPU and wall seconds: mean of one fit; memory: of this process at the peak of a fit, beyond what it had "
        "before, the most of all seeds",
        "处理器秒与实际秒：一次拟合的平均；内存：拟合期间本进程的峰值减去开始前的占用，取各种子中最大的",
    ),
    "contest_groups": (
        "intervals and tests: rows of one group are drawn, and flipped, with all their queries, of every direction and "
        "seed; they tell what other rows would give, not what other seeds would",
        "区间与检验：同一组的行连同它们在各方向、各种子中的所有查询一起抽取、一起变号；"
        "它们说明换一批行会怎样，不说明换种子会怎样",
    ),
}
