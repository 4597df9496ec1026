"""Note: a sentence that a space or a report says about itself, in English and in Chinese.

    Note("trained_here", column="photo", encoder="PixelEncoder")

A note is its English text, a `str` like any other. It also knows which sentence of `NOTES` it is and what was put in:
so it is stored as plain data, and a page says it in the reader's language. A note that somebody else wrote is a plain
string, and stays what it is.
"""

from __future__ import annotations

from typing import Any

from kuamo.errors import KuamoError
from kuamo.words import LANGUAGES

__all__ = ["NOTES", "Note", "note_of", "plain_note", "told"]

# key: (English, Chinese). A value may be a note itself, or a list of them.
NOTES: dict[str, tuple[str, str]] = {
    # ── which encoder, and why ───────────────────────────────────────────────────────────────────────────────────
    "features": ("{column}: {encoder}, {count} features", "{column}：{encoder}，{count} 个特征"),
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
    # ── what a fit will cost ─────────────────────────────────────────────────────────────────────────────────────
    "forecast": (
        "what a fit of {rows:,} rows ({source}) will cost; told by {spent:.1f} CPU seconds of measuring",
        "{rows:,} 行（{source}）的一次拟合预计的开销；由 {spent:.1f} 处理器秒的实测推算",
    ),
    "forecast_cells": (
        "{count:,.0f} cells to encode, {each:.3g} ms each, {once:.2g} s to load",
        "有 {count:,.0f} 个单元待编码，每个 {each:.3g} 毫秒，加载需 {once:.2g} 秒",
    ),
    "forecast_known": ("the cache has all {count:,} cells", "{count:,} 个单元全部在缓存中"),
    "forecast_closed": (
        "from {few} rows with the real widths, by the law of its operations",
        "以 {few} 行、真实特征宽度试算，再按运算量外推",
    ),
    "forecast_heed": ("are columns related? {pairs:,} pairs", "各列是否有关？{pairs:,} 对"),
    "forecast_contrast": (
        "{least:,} steps on trial, {more:,} more if they gain; {each:.3g} ms each; at most this, at least {cpu:.2g} "
        "CPU s",
        "先试 {least:,} 步，有收益再做 {more:,} 步；每步 {each:.3g} 毫秒；此为上限，下限 {cpu:.2g} 处理器秒",
    ),
    "forecast_steps": ("{steps:,} steps, {each:.3g} ms each", "{steps:,} 步，每步 {each:.3g} 毫秒"),
    "forecast_made": (
        "codecs, targets and {steps:,} steps, {each:.3g} ms each",
        "编解码器、目标，以及 {steps:,} 步训练，每步 {each:.3g} 毫秒",
    ),
    "forecast_ridge": ("in closed form, by the law of its operations", "闭式解，按运算量推算"),
    "forecast_after": ("after the fit, if asked for", "拟合之后，需要时才有"),
    "forecast_load": (
        "the machine was busy (load {load:.1f} on {cores} cores): wall seconds are as in that moment",
        "机器正忙（{cores} 核，负载 {load:.1f}）：实际时间以当时的状况为准",
    ),
    # ── what to change if that is too much ───────────────────────────────────────────────────────────────────────
    "too_much_cpu": (
        "{needed:.3g} CPU s where {given:.3g} are to spare: {factor:.1f} times too much, {share:.0f} % of it in "
        "“{step}”",
        "需 {needed:.3g} 处理器秒，而预算为 {given:.3g} 秒：超出到 {factor:.1f} 倍，其中 {share:.0f} % 用于“{step}”",
    ),
    "too_much_wall": (
        "{needed:.3g} s where {given:.3g} are to spare: {factor:.1f} times too much, {share:.0f} % of it in “{step}”",
        "需 {needed:.3g} 秒，而预算为 {given:.3g} 秒：超出到 {factor:.1f} 倍，其中 {share:.0f} % 用于“{step}”",
    ),
    "too_much_memory": (
        "{needed:,.0f} MB of memory where {given:,.0f} are to spare: {factor:.1f} times too much, at its peak in "
        "“{step}”",
        "需内存 {needed:,.0f} MB，而可用 {given:,.0f} MB：超出到 {factor:.1f} 倍，峰值出现在“{step}”",
    ),
    "too_much_disk": (
        "{needed:,.0f} MB of disk where {given:,.0f} are to spare: {factor:.1f} times too much, {share:.0f} % of it in "
        "“{step}”",
        "需磁盘 {needed:,.0f} MB，而可用 {given:,.0f} MB：超出到 {factor:.1f} 倍，其中 {share:.0f} % 用于“{step}”",
    ),
    "dearest": (
        "{share:.0f} % of the CPU seconds are in “{step}”",
        "处理器时间的 {share:.0f} % 用于“{step}”",
    ),
    "encode_once": (
        "features are encoded once and cached: a second fit of these cells takes {cpu:.3g} CPU s",
        "特征只编码一次并存入缓存：对同样的单元再次拟合只需 {cpu:.3g} 处理器秒",
    ),
    "smaller_encoder": (
        "{column}: {encoder} takes {each:.3g} ms for a cell; a smaller one: encoders={{{column!r}: …}}{how}",
        "{column}：{encoder} 处理每个单元需 {each:.3g} 毫秒；可换更小的编码器：encoders={{{column!r}: …}}{how}",
    ),
    "smaller_pictures": (
        ", such as km.encoders.EfficientNetLite0(size={size}), about {factor:.2g} of the time",
        "，例如 km.encoders.EfficientNetLite0(size={size})，约需原来 {factor:.2g} 的时间",
    ),
    "fewer_cells": (
        "or fewer rows for a first try, table.take(…): encoding grows as their number",
        "或先用较少的行试一试，table.take(…)：编码时间与行数成正比",
    ),
    "linear_only": (
        "km.CCA(kernels=('linear',)): about {factor:.2g} of the closed form's CPU seconds, {memory:.2g} of its memory",
        "km.CCA(kernels=('linear',))：闭式解约需原来 {factor:.2g} 的 处理器时间、{memory:.2g} 的内存",
    ),
    "fewer_rows": (
        "learn from {rows:,} of the rows, table.take(…): about {factor:.2g} of the closed form's CPU seconds, "
        "{memory:.2g} of its memory",
        "只用其中 {rows:,} 行来学习，table.take(…)：闭式解约需原来 {factor:.2g} 的 处理器时间、{memory:.2g} 的内存",
    ),
    "no_contrast": (
        "km.CCA() as the objective stays with the closed form: {cpu:.3g} CPU s less",
        "以 km.CCA() 为目标则止于闭式解：省去 {cpu:.3g} 处理器秒",
    ),
    "fewer_steps": (
        "training=km.Training(steps={steps:,}): {each:.3g} ms a step",
        "training=km.Training(steps={steps:,})：每步 {each:.3g} 毫秒",
    ),
    "in_chunks": (
        "training=km.Training(chunk={chunk}): memory for {chunk} raw cells at a time, one more forward is paid for it",
        "training=km.Training(chunk={chunk})：一次只为 {chunk} 个原始单元占用内存，代价是多一次前向计算",
    ),
    "smaller_batch": (
        "training=km.Training(batch_size={size}): memory and seconds of a step fall with it",
        "training=km.Training(batch_size={size})：每步的内存与时间随之下降",
    ),
    "frozen_instead": (
        "{column}: a frozen encoder, whose features are cached, in the place of one that is trained",
        "{column}：改用冻结的编码器，其特征可以缓存，不必训练",
    ),
    "fewer_features": (
        "{column}: {width:,} features of {count:,} cells take {memory:,.0f} MB; an encoder with fewer: "
        "encoders={{{column!r}: …}}",
        "{column}：{count:,} 个单元、每个 {width:,} 个特征，占 {memory:,.0f} MB；可换特征更少的编码器："
        "encoders={{{column!r}: …}}",
    ),
    "cache_limit": (
        "KUAMO_CACHE_LIMIT={limit}MB keeps the feature cache below that, or KUAMO_CACHE puts it on another disk",
        "KUAMO_CACHE_LIMIT={limit}MB 可限制特征缓存的大小，或用 KUAMO_CACHE 把它放到别的磁盘",
    ),
    "smaller_codes": (
        "dim={dim}: codes, and the index of them, take {factor:.2g} of the space",
        "dim={dim}：编码及其索引只占原来 {factor:.2g} 的空间",
    ),
    "ridge_alone": (
        "km.Ridge() in the place of {what}: solved, not trained",
        "用 km.Ridge() 代替 {what}：直接求解，无需训练",
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
        "found ones {theirs:.2f}; decoders={{'{column}': km.Retrieve()}} is the better choice",
        "{column}：与 {rows} 行留出文本相比，写出的文本词语重合 {ours:.2f}，检索到的为 {theirs:.2f}；"
        "建议使用 decoders={{'{column}': km.Retrieve()}}",
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
    "bad_row": ("row {row}: given {why}", "行 {row}：“{why}”"),
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
    # ── a diagnosis: what is there ───────────────────────────────────────────────────────────────────────────────
    "diagnosis": ("Diagnosis of {source}: {rows:,} rows, {count} columns", "“{source}”的诊断：{rows:,} 行，{count} 列"),
    "diagnosis_groups": (
        "the {rows:,} rows are in {groups:,} groups: rows of one group are never parted, nor counted as independent",
        "{rows:,} 行属于 {groups:,} 个组：同组的行不会被拆开，也不算彼此独立",
    ),
    "diagnosis_rare": (
        "{column}: in {count:,} of {given:,} rows only; it joins the space last, so that it cannot disturb the others; "
        "of a variational bound, km.Training(sampling=km.ByCoverage(1)) draws its rows more often",
        "{column}：{given:,} 行中只有 {count:,} 行有这一列；它最后加入空间，以免干扰其他列；训练变分下界时，"
        "km.Training(sampling=km.ByCoverage(1)) 会更常抽取这些行",
    ),
    "diagnosis_through": (
        "no row has both {a} and {b}: they can meet through {c}",
        "没有一行同时有 {a} 和 {b}：它们可以通过 {c} 相遇",
    ),
    "diagnosis_never": (
        "no row has both {a} and {b}, and no third column links them: nothing says what belongs together",
        "没有一行同时有 {a} 和 {b}，也没有第三列把它们连起来：无从知道什么与什么对应",
    ),
    "diagnosis_few_pairs": (
        "only {count:,} rows have both {a} and {b}: expect little, and hold out rows before you believe it",
        "只有 {count:,} 行同时有 {a} 和 {b}：不要期望太高，先用留出的行验证",
    ),
    "diagnosis_skew": (
        "{column}: {count:,} classes, uneven: {many:,} rows of “{most}”, {few:,} of “{least}”; to tell rare ones as "
        "well, km.Predict(…, balanced=True)",
        "{column}：{count:,} 个类别，不均衡：{many:,} 行属于“{most}”，{few:,} 行属于“{least}”；"
        "想让少见的类别也分得准，可用 km.Predict(…, balanced=True)",
    ),
    "diagnosis_alone": (
        "{count:,} rows ({share:.0%}) have one column only: they say nothing of what belongs together",
        "{count:,} 行（{share:.0%}）只有一列：它们不能说明什么与什么对应",
    ),
    "diagnosis_empty": ("{count:,} rows are empty", "{count:,} 行是空的"),
    "diagnosis_full": ("every one of {rows:,} rows has all {count} columns", "{rows:,} 行都有全部 {count} 列"),
    # ── a diagnosis: quality ─────────────────────────────────────────────────────────────────────────────────────
    "diagnosis_same": (
        "{column}: {count:,} of {given:,} cells are the same one; look at what it is",
        "{column}：{given:,} 个单元格中有 {count:,} 个是同一个；请看看它是什么",
    ),
    "diagnosis_repeated": (
        "{column}: {count:,} of {given:,} cells repeat an earlier one: as answers they cannot be told apart",
        "{column}：{given:,} 个单元格中有 {count:,} 个与前面的相同：作为答案无法区分",
    ),
    "diagnosis_still": (
        "{column}: {count:,} of {given:,} numbers hardly change",
        "{column}：{given:,} 个数中有 {count:,} 个几乎不变",
    ),
    "diagnosis_twins": (
        "{count:,} rows are the same as a row of another group: a split may put one on each side and look better than "
        "it is; give them one group",
        "{count:,} 行与另一组的某行完全相同：划分时可能一边一个，使结果看起来比实际好；请把它们设为同一组",
    ),
    "diagnosis_clean": (
        "all cells can be read, hardly any repeats another, and all numbers change",
        "所有单元格都能读取，几乎没有重复，所有的数都有变化",
    ),
    # ── a diagnosis: what to do ──────────────────────────────────────────────────────────────────────────────────
    "advice_default": (
        "a closed form, chosen on held-out rows, then contrast where held-out rows gain by it: what km.fit(table) does",
        "先用闭式解（按留出的行选择），若留出的行因对比学习而受益再做对比学习：即 km.fit(table) 的做法",
    ),
    "advice_none": (
        "no two columns look related, so there is nothing to align: check that cells of a row belong together, or try "
        "other encoders",
        "没有任何两列看起来有关，因此没有什么可对齐的：请检查同一行的单元格是否确实对应，或换用别的编码器",
    ),
    "advice_no_pairs": (
        "no row has two columns: nothing says what belongs together; pair some rows, or give labels",
        "没有一行同时有两列：无从知道什么与什么对应；请配对一些行，或给出标签",
    ),
    "advice_labels": (
        "every row of the query's label is a right answer: what tells labels apart is to be learned",
        "与查询标签相同的行都算正确答案：要学的是能区分标签的东西",
    ),
    "advice_labels_alone": (
        "no row has two columns, but rows have labels: columns can meet by those",
        "没有一行同时有两列，但行有标签：各列可以通过标签相遇",
    ),
    "advice_predict": (
        "{column} is a {kind} column: to tell it from whatever else a row has, km.Predict({column!r})",
        "“{column}”是 {kind} 列：要由一行里现有的其他列来判断它，用 km.Predict({column!r})",
    ),
    "advice_aside": (
        "{column} does not look related to any other column (p {p:.2f}): the others make the space, and it joins last",
        "“{column}”与其他任何列看起来都无关（p 为 {p:.2f}）：由其他列构造空间，它最后加入",
    ),
    "advice_hopeless": (
        "no two columns look related (p {p:.2f}): expect chance, contrast is not tried",
        "没有任何两列看起来有关（p 为 {p:.2f}）：效果不会超出偶然，不再尝试对比学习",
    ),
    "advice_followed": ("as the diagnosis advises, {what}", "按诊断的建议：{what}"),
    "advice_little": (
        "{a} → {b}: expect little, R@{k} {value:.3f} where a random order has {chance:.3f}; more paired rows or "
        "another encoder will help, more training will not",
        "{a} → {b}：不要期望太高，R@{k} 约 {value:.3f}，随机排序为 {chance:.3f}；需要更多成对的行或别的编码器，"
        "多训练没有用",
    ),
    "advice_translate": (
        "{a} → {b}: better predicted than aligned: space.translate(…, to={b!r})",
        "{a} → {b}：用预测比用对齐更好：space.translate(…, to={b!r})",
    ),
    "diagnosis_sampled": (
        "features of {count:,} of {rows:,} rows were looked at, in whole groups drawn by the seed",
        "查看了 {rows:,} 行中 {count:,} 行的特征，由随机种子按整组抽取",
    ),
    "diagnosis_unrelated": (
        "{a} and {b} do not look related (p {p:.2f})",
        "{a} 与 {b} 看起来无关（p 为 {p:.2f}）",
    ),
    "diagnosis_related": (
        "{a} and {b} are related (p {p:.3f}): shared axes {axes}, the strongest correlation {rho:.2f} on held-out rows",
        "{a} 与 {b} 有关（p 为 {p:.3f}），共有 {axes} 个轴，在留出的行上最强的相关为 {rho:.2f}",
    ),
    "diagnosis_bent": (
        "{a} and {b} are related (p {p:.3f}), but not along straight lines: a kernel or a trained encoder is needed",
        "{a} 与 {b} 有关（p 为 {p:.3f}），但不是线性的：需要核方法或训练的编码器",
    ),
    "diagnosis_ceiling": (
        "{a} and {b}: the bound on their information still grows with the number of rows, {value:.1f} of at most "
        "{ceiling:.1f} nats: there is more than {rows:,} rows can show",
        "{a} 与 {b}：信息量下界仍随行数增长，目前为 {value:.1f} 奈特，上限 {ceiling:.1f}："
        "实际比 {rows:,} 行所能显示的更多",
    ),
    "diagnosis_copies": (
        "{a} and {b}: many rows repeat others in both columns; they were counted as groups, and a `group` column would "
        "say which they are",
        "{a} 与 {b}：许多行在两列中都重复了其他行；已把它们当作组来计，最好用 `group` 列说明哪些行是同一组",
    ),
    "diagnosis_small": (
        "{a} and {b}: {rows:,} rows in {groups:,} groups are too few to say whether they are related",
        "{a} 与 {b}：{rows:,} 行（{groups:,} 个组）太少，无法判断它们是否有关",
    ),
    "diagnosis_gap": (
        "the centres of {a} and {b} lie {centroid:.2f} spreads apart: subtract each column's mean before codes are "
        "compared across columns",
        "{a} 与 {b} 的编码中心相距 {centroid:.2f} 个散布：跨列比较编码之前，请减去各自的均值",
    ),
    "diagnosis_starved": (
        "{column} brings {value:+.3f} to {to}, which cannot be told from nothing: it is unrelated, or repeats the "
        "others, or was not learned: fit it alone to see; more steps or a larger rate come before any other remedy",
        "“{column}”对“{to}”的贡献为 {value:+.3f}，与零区分不开：它与之无关，或与其他列重复，或没有学好；"
        "请单独拟合它来看；先试更多步数或更大的学习率，再试其他补救",
    ),
    "diagnosis_better_without": (
        "without {column} the others tell {to} better, {without:.3f} for {whole:.3f}: leave it out, or gather more of "
        "it",
        "不用 {column} 时，其他列对“{to}”判断得更好：{without:.3f}，用它时为 {whole:.3f}；请去掉它，或多收集一些",
    ),
    "diagnosis_by_pairs": (
        "what works is judged by what the columns share: without labels nobody can tell what matters from other things "
        "that correlate; with a `label` column it is judged by what tells labels",
        "可行的做法是按各列共有的信息判断的：没有标签就无法区分重要的信息与其他相关的成分；有 `label` 列时，"
        "则按能区分标签的信息判断",
    ),
    "diagnosis_held": (
        "{hits} of {count} directions came within .10 of what was expected",
        "{count} 个方向中有 {hits} 个与预期相差不到 .10",
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
    # ── align or predict ─────────────────────────────────────────────────────────────────────────────────────────
    "signal_labels": ("what tells the labels", "能区分标签的信息"),
    "signal_pairs": ("what both columns share", "两列共有的信息"),
    "verdict_both": (
        "both: aligning keeps {aligned:.0f} % of {signal} in the codes of {given}, translating {given} → {wanted} "
        "{predicted:.0f} %",
        "两者皆可：在 {given} 的编码中，对齐保留{signal}的 {aligned:.0f} %，由 {given} 预测 {wanted} 保留 "
        "{predicted:.0f} %",
    ),
    "verdict_align": (
        "align: it keeps {aligned:.0f} % of {signal} in the codes of {given}; translating {given} → {wanted} keeps "
        "only {predicted:.0f} %, since it goes after what varies most in {wanted}",
        "对齐：在 {given} 的编码中保留{signal}的 {aligned:.0f} %；由 {given} 预测 {wanted} 只保留 "
        "{predicted:.0f} %，因为它追随的是 {wanted} 中变化最大的成分",
    ),
    "verdict_predict": (
        "predict: translating {given} → {wanted} keeps {predicted:.0f} % of {signal} in the codes of {given}; aligning "
        "keeps only {aligned:.0f} %, since other things correlate more strongly between the two",
        "预测：由 {given} 预测 {wanted}，能在 {given} 的编码中保留{signal}的 {predicted:.0f} %；对齐只保留 "
        "{aligned:.0f} %，因为两列之间另有相关性更强的成分",
    ),
    "verdict_neither": (
        "neither: aligning keeps only {aligned:.0f} % of {signal} in the codes of {given}, and translating {given} → "
        "{wanted} only {predicted:.0f} %; train with labels, or bring more rows or other features",
        "两者都不行：在 {given} 的编码中，对齐只保留{signal}的 {aligned:.0f} %，由 {given} 预测 {wanted} 只保留 "
        "{predicted:.0f} %；请用标签训练，或增加数据、更换特征",
    ),
    "verdict_nothing_labels": (
        "neither: nothing in {given} tells the labels; other features or more rows are needed",
        "两者都不行：{given} 中没有能区分标签的信息；需要更换特征或增加数据",
    ),
    "verdict_nothing_pairs": (
        "neither: {given} and {wanted} share nothing that stands out from chance; check that rows belong together, or "
        "bring more of them",
        "两者都不行：{given} 与 {wanted} 之间没有超出偶然水平的共同信息；请检查每一行的配对是否正确，或增加数据",
    ),
}


class Note(str):
    """One sentence of `NOTES` with its values; as a string it is English.

    Args:
        key: of `NOTES`. values: what its fields hold: plain values, notes, or a list of them.

    Example:
        >>> note = Note("trained_here", column="photo", encoder="PixelEncoder")
        >>> note, told("zh", note)
        ('photo: PixelEncoder, trained here', 'photo：PixelEncoder，由这次训练得到')
    """

    key: str
    values: dict[str, Any]

    def __new__(cls, key: str, **values: Any) -> Note:
        note = super().__new__(cls, _fill("en", key, values))
        note.key, note.values = key, values
        return note

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]:
        return (self.key,), self.values  # else a copy would take the English text for the key


def told(lang: str, note: str) -> str:
    """A note in `"en"` or `"zh"`; a plain string as it is.

    Raises:
        KuamoError: an unknown language.

    Example:
        >>> told("zh", Note("more", count=1200)), told("zh", "by hand")
        ('另有 1,200 个', 'by hand')
    """
    if lang not in LANGUAGES:
        raise KuamoError(f"given lang={lang!r}; expected one of {list(LANGUAGES)}")
    return _fill(lang, note.key, note.values) if isinstance(note, Note) else str(note)


def plain_note(note: Any) -> Any:
    """A note as plain data, to be stored: `{"note": key, …values}`, or the string that it is.

    Example:
        >>> plain_note(Note("more", count=3)), plain_note("by hand")
        ({'note': 'more', 'count': 3}, 'by hand')
    """
    if isinstance(note, Note):
        return {"note": note.key} | {name: plain_note(value) for name, value in note.values.items()}
    return [plain_note(one) for one in note] if isinstance(note, list) else note


def note_of(plain: Any) -> Any:
    """The note that was stored; whoever made the file chose its values, so they are checked by the sentence's fields.

    Raises:
        KeyError: no such sentence, or a value that it needs is not there.
        ValueError: a value of a wrong kind.

    Example:
        >>> note_of({"note": "more", "count": 3})
        'and 3 more'
    """
    if isinstance(plain, dict):
        return Note(plain["note"], **{name: note_of(value) for name, value in plain.items() if name != "note"})
    return [note_of(one) for one in plain] if isinstance(plain, list) else plain


def _fill(lang: str, key: str, values: dict[str, Any]) -> str:
    words = {name: _words(lang, value) for name, value in values.items()}
    return NOTES[key][LANGUAGES.index(lang)].format(**words)


def _words(lang: str, value: Any) -> Any:
    if isinstance(value, list):
        return ("；" if lang == "zh" else "; ").join(_words(lang, one) for one in value)
    return told(lang, value) if isinstance(value, Note) else value
