"""Sentences of diagnoses and forecasts; see `kuamo.core.catalog`."""

__all__ = ["DIAGNOSES"]

DIAGNOSES: dict[str, tuple[str, str]] = {
    # ── what a fit will cost ─────────────────────────────────────────────────────────────────────────────────────
    "forecast": (
        "expected cost of a fit of {rows:,} rows ({source}), estimated from {spent:.1f} CPU seconds of measurements",
        "{rows:,} 行（{source}）的一次拟合的预计开销，由 {spent:.1f} 秒 CPU 时间的实测推算",
    ),
    "forecast_cells": (
        "{count:,.0f} cells to encode, {each:.3g} ms each, {once:.2g} s to load the encoder",
        "有 {count:,.0f} 个单元格待编码，每个 {each:.3g} 毫秒，加载编码器需 {once:.2g} 秒",
    ),
    "forecast_trial": (
        "extrapolated from a fit of {few:,} rows",
        "由 {few:,} 行的试拟合外推",
    ),
    "forecast_searched": (
        "settings were searched on all rows and cached, so the fit does not search again",
        "已在全部行上搜索设置并缓存，拟合时不再搜索",
    ),
    "forecast_contrast": (
        "{least:,} trial steps, and {more:,} more if held-out rows gain; {each:.3g} ms each; this is the maximum, "
        "the minimum is {cpu:.2g} CPU s",
        "先试 {least:,} 步，留出的行有收益时再做 {more:,} 步；每步 {each:.3g} 毫秒；此为上限，下限为 {cpu:.2g} 秒 "
        "CPU 时间",
    ),
    "forecast_steps": ("{steps:,} steps, {each:.3g} ms each", "{steps:,} 步，每步 {each:.3g} 毫秒"),
    "forecast_made": (
        "codecs, targets and {steps:,} steps, {each:.3g} ms each",
        "编解码器、目标，以及 {steps:,} 步训练，每步 {each:.3g} 毫秒",
    ),
    "forecast_after": (
        "after the fit, on request",
        "拟合之后，按需",
    ),
    "forecast_branches": (
        "after the fit, on request; with few rows the kernel ({kernels}) and the dimension ({least} to {most}) "
        "remain open",
        "拟合之后，按需；行数较少时，核（{kernels}）与维数（{least} 至 {most}）尚不能确定",
    ),
    "forecast_load": (
        "the machine was busy (load {load:.1f} on {cores} cores), so wall seconds hold for that load only",
        "机器繁忙（{cores} 核，负载 {load:.1f}），因此墙钟时间只适用于当时的负载",
    ),
    # ── what to change if that is too much ───────────────────────────────────────────────────────────────────────
    "too_much_cpu": (
        "{needed:.3g} CPU s needed, {given:.3g} available: {factor:.1f}× over budget, {share:.0f} % of it in “{step}”",
        "需要 {needed:.3g} 秒 CPU 时间，预算为 {given:.3g} 秒：是预算的 {factor:.1f} 倍，其中 {share:.0f} % "
        "用于“{step}”",
    ),
    "too_much_wall": (
        "{needed:.3g} s needed, {given:.3g} available: {factor:.1f}× over budget, {share:.0f} % of it in “{step}”",
        "需要 {needed:.3g} 秒，预算为 {given:.3g} 秒：是预算的 {factor:.1f} 倍，其中 {share:.0f} % 用于“{step}”",
    ),
    "too_much_memory": (
        "{needed:,.0f} MB of memory needed, {given:,.0f} available: {factor:.1f}× over budget, with the peak in "
        "“{step}”",
        "需要内存 {needed:,.0f} MB，可用 {given:,.0f} MB：是预算的 {factor:.1f} 倍，峰值出现在“{step}”",
    ),
    "too_much_disk": (
        "{needed:,.0f} MB of disk space needed, {given:,.0f} available: {factor:.1f}× over budget, {share:.0f} % of "
        "it in “{step}”",
        "需要磁盘 {needed:,.0f} MB，可用 {given:,.0f} MB：是预算的 {factor:.1f} 倍，其中 {share:.0f} % 用于“{step}”",
    ),
    "dearest": (
        "{share:.0f} % of the CPU seconds are in “{step}”",
        "CPU 时间的 {share:.0f} % 用于“{step}”",
    ),
    "encode_once": (
        "features are encoded once and cached: a second fit of these cells takes {cpu:.3g} CPU s",
        "特征只编码一次并存入缓存：对同样的单元再次拟合只需 {cpu:.3g} 秒 CPU 时间",
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
        "km.CCA(kernels=('linear',)): the linear kernel alone, usually in less than half of the closed form's CPU "
        "seconds",
        "km.CCA(kernels=('linear',))：只用线性核，闭式解的CPU 时间通常不到原来的一半",
    ),
    "fewer_rows": (
        "learn from {rows:,} of the rows, table.take(…): about {factor:.2g} of the closed form's CPU seconds, "
        "{memory:.2g} of its memory",
        "只用其中 {rows:,} 行来学习，table.take(…)：闭式解约需原来 {factor:.2g} 的 CPU 时间、{memory:.2g} 的内存",
    ),
    "no_contrast": (
        "km.CCA() as the objective stays with the closed form: {cpu:.3g} CPU s less",
        "以 km.CCA() 为目标则止于闭式解：省去 {cpu:.3g} 秒 CPU 时间",
    ),
    "fewer_steps": (
        "training=km.Training(steps={steps:,}): {each:.3g} ms a step",
        "training=km.Training(steps={steps:,})：每步 {each:.3g} 毫秒",
    ),
    "in_chunks": (
        "training=km.Training(grad_cache_chunk={chunk}): memory for {chunk} raw cells at a time, "
        "one more forward is paid for it",
        "training=km.Training(grad_cache_chunk={chunk})：一次只为 {chunk} 个原始单元占用内存，代价是多一次前向计算",
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
    # ── a diagnosis: what is there ───────────────────────────────────────────────────────────────────────────────
    "diagnosis": ("Diagnosis of {source}: {rows:,} rows, {count} columns", "“{source}”的诊断：{rows:,} 行，{count} 列"),
    "diagnosis_groups": (
        "the {rows:,} rows belong to {groups:,} groups: rows of one group stay together in every split and do not "
        "count as independent",
        "{rows:,} 行属于 {groups:,} 个组：同组的行在划分时不拆开，也不视为相互独立",
    ),
    "diagnosis_rare": (
        "{column}: present in only {count:,} of {given:,} rows; it is added after the joint fit so that it does not "
        "disturb the other columns; with a variational bound, km.Training(sampling=km.CoverageBalanced(1)) samples "
        "its rows more often",
        "{column}：{given:,} 行中只有 {count:,} 行有这一列；它在联合拟合之后加入，以免干扰其他列；训练变分下界时，"
        "km.Training(sampling=km.CoverageBalanced(1)) 会更频繁地抽取这些行",
    ),
    "diagnosis_through": (
        "no row has both {a} and {b}: they can be aligned through {c}",
        "没有一行同时有 {a} 和 {b}：它们可以通过 {c} 对齐",
    ),
    "diagnosis_never": (
        "no row has both {a} and {b}, and no third column links them, so they cannot be aligned",
        "没有一行同时有 {a} 和 {b}，也没有第三列把它们联系起来，因此无法对齐",
    ),
    "diagnosis_many_few": (
        "{count} pairs of columns have fewer than {most} rows in common, the fewest {few:,} ({a}, {b}): expect poor "
        "results, and validate them on held-out rows",
        "有 {count} 对列的共同行数不到 {most}，最少的为 {few:,}（{a} 与 {b}）：效果可能很差，请用留出的行验证",
    ),
    "diagnosis_few_pairs": (
        "only {count:,} rows have both {a} and {b}: expect poor results, and validate them on held-out rows",
        "只有 {count:,} 行同时有 {a} 和 {b}：效果可能很差，请用留出的行验证",
    ),
    "diagnosis_skew": (
        "{column}: {count:,} imbalanced classes: {many:,} rows of “{most}”, {few:,} of “{least}”; use km.Predict(…, "
        "balanced=True) to recognise rare classes as well",
        "{column}：{count:,} 个不均衡的类别：{many:,} 行属于“{most}”，{few:,} 行属于“{least}”；若也要识别少数类，"
        "请用 km.Predict(…, balanced=True)",
    ),
    "diagnosis_alone": (
        "{count:,} rows ({share:.0%}) have only one column and carry no information about pairs",
        "{count:,} 行（{share:.0%}）只有一列，不含配对信息",
    ),
    "diagnosis_empty": ("{count:,} rows are empty", "{count:,} 行是空的"),
    "diagnosis_meta": (
        "kept as metadata and not analysed: {columns}; use `modalities` to make them columns",
        "作为元数据保留，未分析：{columns}；用 `modalities` 可使它们成为列",
    ),
    "diagnosis_mostly": (
        "{full:,} of {rows:,} rows have all {count} columns, the other rows at least two",
        "{rows:,} 行中有 {full:,} 行具备全部 {count} 列，其余的行至少有两列",
    ),
    "diagnosis_full": (
        "all {rows:,} rows have all {count} columns",
        "全部 {rows:,} 行都有全部 {count} 列",
    ),
    # ── a diagnosis: quality ─────────────────────────────────────────────────────────────────────────────────────
    "diagnosis_same": (
        "{column}: {count:,} of {given:,} cells are identical; check what they contain",
        "{column}：{given:,} 个单元格中有 {count:,} 个完全相同；请检查其内容",
    ),
    "diagnosis_repeated": (
        "{column}: {count:,} of {given:,} cells are duplicates of an earlier cell, so retrieval cannot distinguish "
        "them",
        "{column}：{given:,} 个单元格中有 {count:,} 个与前面的相同，检索时无法区分",
    ),
    "diagnosis_still": (
        "{column}: {count:,} of {given:,} features are nearly constant",
        "{column}：{given:,} 个特征中有 {count:,} 个几乎为常数",
    ),
    "diagnosis_twins": (
        "{count:,} rows duplicate a row of another group: a split may put one on each side and overestimate the "
        "results; put duplicates into one group",
        "{count:,} 行与另一组的某行完全相同：划分可能把它们分到两边，从而高估结果；请把它们放入同一组",
    ),
    "diagnosis_clean": (
        "all cells are readable, there are hardly any duplicates, and no feature is constant",
        "所有单元格都可读取，几乎没有重复，没有恒定的特征",
    ),
    # ── a diagnosis: what to do ──────────────────────────────────────────────────────────────────────────────────
    "advice_default": (
        "use km.fit(table): a closed form chosen by cross-validation, then contrastive fine-tuning where it helps "
        "on held-out rows",
        "使用 km.fit(table)：先用交叉验证选择闭式解，若对留出的行有益，再做对比学习微调",
    ),
    "advice_few": (
        "use km.fit(table), but no two columns have enough rows to estimate the result: validate on held-out rows",
        "可以使用 km.fit(table)，但没有任何两列有足够的行来估计效果：请用留出的行验证",
    ),
    "advice_still": (
        "all cells of {columns} are equal, so `fit` refuses it: leave it out",
        "{columns} 的所有单元格都相同，`fit` 会拒绝：请去掉",
    ),
    "advice_none": (
        "no dependence was found between any two columns, so there is nothing to align: check that the cells of a "
        "row belong together, or try other encoders",
        "任何两列之间都没有检测到相关性，因此没有可对齐的内容：请检查同一行的单元格是否对应，或换用其他编码器",
    ),
    "advice_no_pairs": (
        "no row has two columns, so there are no pairs: pair some rows, or add labels",
        "没有一行同时有两列，因此没有配对：请配对一些行，或添加标签",
    ),
    "advice_labels": (
        "every row with the label of the query is relevant: the space should separate labels",
        "与查询标签相同的行都算相关：空间应能区分标签",
    ),
    "advice_labels_alone": (
        "no row has two columns, but rows have labels: columns can be aligned by label",
        "没有一行同时有两列，但行有标签：可以按标签对齐各列",
    ),
    "advice_predict": (
        "{column} is a {kind} column: use km.Predict({column!r}) to predict it from the other columns of a row",
        "“{column}”是{kind}列：用 km.Predict({column!r}) 可由一行的其他列预测它",
    ),
    "kind_Category": ("Category", "类别"),
    "kind_Number": ("Number", "数值"),
    "advice_unrelated": (
        "no dependence was found between {column} and any other column (p {p:.2f}): it is left out of the joint fit "
        "and added afterwards",
        "没有检测到“{column}”与其他任何列的相关性（p 为 {p:.2f}）：它不参与联合拟合，在其后加入",
    ),
    "advice_none_related": (
        "no dependence was found between any two columns (p {p:.2f}): expect chance level; contrastive fine-tuning "
        "is skipped",
        "任何两列之间都没有检测到相关性（p 为 {p:.2f}）：预期为随机水平，跳过对比学习微调",
    ),
    "advice_followed": (
        "by the screening of columns: {what}",
        "根据列的筛查：{what}",
    ),
    "advice_little": (
        "{a} → {b}: expect poor retrieval, R@{k} {value:.3f} where chance is {chance:.3f}; more paired rows or "
        "another encoder may help, longer training will not",
        "{a} → {b}：检索效果会很差，R@{k} 约 {value:.3f}，随机水平为 {chance:.3f}；"
        "增加成对的行或更换编码器可能有用，延长训练没有用",
    ),
    "advice_translate": (
        "{a} → {b}: prediction works better than alignment: space.translate(…, to={b!r})",
        "{a} → {b}：预测优于对齐：space.translate(…, to={b!r})",
    ),
    "diagnosis_sampled": (
        "features of a sample of {count:,} of {rows:,} rows were analysed (whole groups, drawn by the seed)",
        "分析了 {rows:,} 行中 {count:,} 行样本的特征（按整组抽取，由随机种子决定）",
    ),
    "diagnosis_unrelated": (
        "no dependence found between {a} and {b} (p {p:.2f})",
        "没有检测到 {a} 与 {b} 的相关性（p 为 {p:.2f}）",
    ),
    "diagnosis_related": (
        "{a} and {b} are dependent (p {p:.3f}): {axes} shared components, largest held-out correlation {rho:.2f}",
        "{a} 与 {b} 相关（p 为 {p:.3f}）：{axes} 个共有分量，留出行上最大的相关系数为 {rho:.2f}",
    ),
    "diagnosis_faint": (
        "{a} and {b} are dependent (p {p:.3f}), but so weakly that no component is significant on held-out rows",
        "{a} 与 {b} 相关（p 为 {p:.3f}），但很弱，留出行上没有显著的分量",
    ),
    "diagnosis_bent": (
        "{a} and {b} are dependent (p {p:.3f}), but not linearly: a kernel or a trained encoder is needed",
        "{a} 与 {b} 相关（p 为 {p:.3f}），但不是线性的：需要核方法或可训练的编码器",
    ),
    "diagnosis_ceiling": (
        "{a} and {b}: the lower bound on their mutual information is near its limit for {rows:,} rows, {value:.1f} "
        "of at most {ceiling:.1f} nats, so the true value may be larger",
        "{a} 与 {b}：互信息下界已接近 {rows:,} 行所能达到的上限（{value:.1f} 奈特，上限 {ceiling:.1f}），"
        "真实值可能更大",
    ),
    "diagnosis_copies": (
        "{a} and {b}: many rows are near-duplicates in both columns and were treated as groups; add a `group` "
        "column to define the groups yourself",
        "{a} 与 {b}：许多行在两列中都近似重复，已按组处理；可添加 `group` 列自行指定分组",
    ),
    "diagnosis_twice": (
        "{count:,} rows duplicate another row in every column and are counted once below",
        "{count:,} 行在每一列上都与另一行相同，以下各项中只计一次",
    ),
    "diagnosis_many_small": (
        "{count} pairs of columns have too few rows for a test of dependence",
        "有 {count} 对列的行数太少，无法检验相关性",
    ),
    "diagnosis_small": (
        "{a} and {b}: {rows:,} rows in {groups:,} groups are too few for a test of dependence",
        "{a} 与 {b}：{rows:,} 行（{groups:,} 个组）太少，无法检验相关性",
    ),
    "diagnosis_gap": (
        "modality gap between {a} and {b}: their mean codes are {centroid:.2f} standard deviations apart; subtract "
        "each column's mean before comparing codes across columns",
        "{a} 与 {b} 之间有模态间隙：平均编码相距 {centroid:.2f} 个标准差；跨列比较编码之前，请减去各自的均值",
    ),
    "seen_in_training": (
        "about {share:.0f} % of these rows were used for training, so the scores are optimistic",
        "这些行中约 {share:.0f} % 曾用于训练，因此指标偏于乐观",
    ),
    "remark_label_column": (
        "{column} is a prediction target: as a retrieval gallery it is misleading, since other rows with the same "
        "value count as wrong; use km.contributions(space, test, to={column!r})",
        "“{column}”是预测目标：用作检索库会误导，因为取值相同的其他行都算错；请用 km.contributions(space, test, "
        "to={column!r})",
    ),
    "remark_unseen": (
        "{column}: {rows:,} rows have a class that was not in the training data ({names}); they count as errors",
        "“{column}”：{rows:,} 行的类别不在训练数据中（{names}），按错误计",
    ),
    "remark_repeats": (
        "{column}: {share:.0f} % of its cells equal another row's ({count:,} distinct values), but only the cell of "
        "the query's own row counts as relevant: give such rows one `group` and use positives='group', or put all "
        "cells of one item into one row as a list",
        "“{column}”：{share:.0f} % 的单元格与其他行相同（{count:,} 种取值），但只有查询所在行的单元格算相关："
        "请给这些行同一个 `group` 并用 positives='group'，或把同一事物的单元格放进一行，写成列表",
    ),
    "split_shares": (
        "{column}: {share:.0f} % of the test cells also occur in the training rows, so scores will be optimistic: "
        "give rows that share a cell one `group`, or put all cells of one item into one row as a list",
        "“{column}”：{share:.0f} % 的测试单元格也出现在训练行中，因此指标会偏于乐观：请给共用单元格的行同一个 "
        "`group`，或把同一事物的单元格放进一行，写成列表",
    ),
    "diagnosis_starved": (
        "the contribution of {column} to {to} is {value:+.3f}, not significantly different from zero: it is "
        "unrelated, redundant, or was not learned; fit it alone to find out, and try more steps or a higher "
        "learning rate first",
        "“{column}”对“{to}”的贡献为 {value:+.3f}，与零无显著差异：它或无关，或冗余，或没有学好；请单独拟合它来判断，"
        "并先尝试更多步数或更大的学习率",
    ),
    "diagnosis_better_without": (
        "without {column} the other columns predict {to} better ({without:.3f} instead of {whole:.3f}): leave it "
        "out, or collect more of it",
        "不用“{column}”时，其他列对“{to}”的预测更好（{without:.3f}，用它时为 {whole:.3f}）：请去掉它，或收集更多数据",
    ),
    "diagnosis_by_pairs": (
        "without labels the recommendation is based on what the columns share, which may include irrelevant "
        "correlations; with a `label` column it is based on what separates the labels",
        "没有标签时，建议依据各列共有的信息，其中可能含无关的相关成分；有 `label` 列时，依据能区分标签的信息",
    ),
    "diagnosis_held": (
        "{hits} of {count} directions were within .10 of the expected value",
        "{count} 个方向中有 {hits} 个与预期值相差不到 .10",
    ),
    # ── align or predict ─────────────────────────────────────────────────────────────────────────────────────────
    "signal_labels": (
        "the information about the label",
        "关于标签的信息",
    ),
    "signal_pairs": (
        "the information that both columns share",
        "两列共有的信息",
    ),
    "verdict_both": (
        "both work: alignment keeps {aligned:.0f} % of {signal} in the codes of {given}, prediction {given} → "
        "{wanted} {predicted:.0f} %",
        "两者皆可：在 {given} 的编码中，对齐保留{signal}的 {aligned:.0f} %，由 {given} 预测 {wanted} 保留 "
        "{predicted:.0f} %",
    ),
    "verdict_align": (
        "align: it keeps {aligned:.0f} % of {signal} in the codes of {given}; prediction {given} → {wanted} keeps "
        "only {predicted:.0f} %, since it fits the directions of {wanted} with the largest variance",
        "对齐：在 {given} 的编码中保留{signal}的 {aligned:.0f} %；由 {given} 预测 {wanted} 只保留 {predicted:.0f} "
        "%，因为预测拟合的是 {wanted} 中方差最大的方向",
    ),
    "verdict_predict": (
        "predict: prediction {given} → {wanted} keeps {predicted:.0f} % of {signal} in the codes of {given}; "
        "alignment keeps only {aligned:.0f} %, since other components of the two columns are more strongly "
        "correlated",
        "预测：由 {given} 预测 {wanted} 能在 {given} 的编码中保留{signal}的 {predicted:.0f} %；对齐只保留 "
        "{aligned:.0f} %，因为两列之间另有相关性更强的成分",
    ),
    "verdict_neither": (
        "neither works: alignment keeps only {aligned:.0f} % of {signal} in the codes of {given}, and prediction "
        "{given} → {wanted} only {predicted:.0f} %; train with labels, or use more rows or other features",
        "两者都不行：在 {given} 的编码中，对齐只保留{signal}的 {aligned:.0f} %，由 {given} 预测 {wanted} 只保留 "
        "{predicted:.0f} %；请用标签训练，或增加行数、更换特征",
    ),
    "verdict_unrelated": (
        "neither works: no dependence found between {given} and {wanted} (p {p:.2f}); check that the cells of a row "
        "belong together, or use more rows",
        "两者都不行：没有检测到 {given} 与 {wanted} 的相关性（p 为 {p:.2f}）；请检查同一行的单元格是否对应，或增加行数",
    ),
    "verdict_nothing_labels": (
        "neither works: {given} has no information about the label; use other features or more rows",
        "两者都不行：{given} 中没有关于标签的信息；请更换特征或增加行数",
    ),
    "verdict_nothing_pairs": (
        "neither works: {given} and {wanted} share no information beyond chance; check that the cells of a row "
        "belong together, or use more rows",
        "两者都不行：{given} 与 {wanted} 之间没有超出随机水平的共有信息；请检查同一行的单元格是否对应，或增加行数",
    ),
}
