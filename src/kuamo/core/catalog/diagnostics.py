"""Sentences of diagnoses and forecasts; see `kuamo.core.catalog`."""

__all__ = ["DIAGNOSES"]

DIAGNOSES: dict[str, tuple[str, str]] = {
    # ── what a fit will cost ─────────────────────────────────────────────────────────────────────────────────────
    "forecast": (
        "what a fit of {rows:,} rows ({source}) will cost; told by {spent:.1f} CPU seconds of measuring",
        "{rows:,} 行（{source}）的一次拟合预计的开销；由 {spent:.1f} 处理器秒的实测推算",
    ),
    "forecast_cells": (
        "{count:,.0f} cells to encode, {each:.3g} ms each, {once:.2g} s to load",
        "有 {count:,.0f} 个单元待编码，每个 {each:.3g} 毫秒，加载需 {once:.2g} 秒",
    ),
    "forecast_trial": ("from a fit of {few:,} rows", "由 {few:,} 行的试拟合推算"),
    "forecast_searched": (
        "searched on all rows, and what was found is kept: the fit does not search again",
        "已在全部行上搜索并存下结果：拟合时不再搜索",
    ),
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
    "forecast_after": ("after the fit, if asked for", "拟合之后，需要时才有"),
    "forecast_branches": (
        "after the fit, if asked for; few rows do not settle the kernel ({kernels}) and the size ({least} to {most})",
        "拟合之后，需要时才有；少量的行定不下核（{kernels}）与维数（{least} 至 {most}）",
    ),
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
        "km.CCA(kernels=('linear',)): the linear kernel alone, usually in less than half of the closed form's CPU "
        "seconds",
        "km.CCA(kernels=('linear',))：只用线性核，闭式解的处理器时间通常不到原来的一半",
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
        "the {rows:,} rows are in {groups:,} groups: rows of one group are never parted, nor counted as independent",
        "{rows:,} 行属于 {groups:,} 个组：同组的行不会被拆开，也不算彼此独立",
    ),
    "diagnosis_rare": (
        "{column}: in {count:,} of {given:,} rows only; it joins the space last, so that it cannot disturb the others; "
        "of a variational bound, km.Training(sampling=km.CoverageBalanced(1)) draws its rows more often",
        "{column}：{given:,} 行中只有 {count:,} 行有这一列；它最后加入空间，以免干扰其他列；训练变分下界时，"
        "km.Training(sampling=km.CoverageBalanced(1)) 会更常抽取这些行",
    ),
    "diagnosis_through": (
        "no row has both {a} and {b}: they can meet through {c}",
        "没有一行同时有 {a} 和 {b}：它们可以通过 {c} 相遇",
    ),
    "diagnosis_never": (
        "no row has both {a} and {b}, and no third column links them: nothing says what belongs together",
        "没有一行同时有 {a} 和 {b}，也没有第三列把它们连起来：无从知道什么与什么对应",
    ),
    "diagnosis_many_few": (
        "{count} pairs of columns have fewer than {most} rows in common, the fewest {few:,} ({a}, {b}): expect little "
        "of them, and hold out rows before you believe it",
        "有 {count} 对列的共同行数不到 {most}，最少的为 {few:,}（{a} 与 {b}）：不要期望太高，先用留出的行验证",
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
    "diagnosis_meta": (
        "kept as meta, and not looked at: {columns}; `modalities` makes columns of them",
        "作为附加信息保留，没有分析：{columns}；用 `modalities` 可使它们成为列",
    ),
    "diagnosis_mostly": (
        "{full:,} of {rows:,} rows have all {count} columns, the others at least two",
        "{rows:,} 行中有 {full:,} 行具备全部 {count} 列，其余的至少有两列",
    ),
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
    "advice_few": (
        "km.fit(table) will do it, but no two columns have rows enough to say what it is worth: hold some out, and see",
        "可以用 km.fit(table)，但没有任何两列有足够的行来判断效果：请留出一些行来验证",
    ),
    "advice_still": (
        "all cells of {columns} are the same, which a fit refuses: leave it out",
        "{columns} 的所有单元格都相同，无法拟合：请去掉",
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
        "“{column}”是{kind}列：要由一行里现有的其他列来判断它，用 km.Predict({column!r})",
    ),
    "kind_Category": ("Category", "类别"),
    "kind_Number": ("Number", "数值"),
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
    "diagnosis_faint": (
        "{a} and {b} are related (p {p:.3f}), so faintly that no axis stands out on held-out rows",
        "{a} 与 {b} 有关（p 为 {p:.3f}），但很微弱，在留出的行上没有突出的轴",
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
    "diagnosis_twice": (
        "{count:,} rows that repeat another in every column count once in what follows",
        "{count:,} 行在每一列上都与另一行相同，以下各项中只计一次",
    ),
    "diagnosis_many_small": (
        "{count} pairs of columns have too few rows to say whether they are related",
        "有 {count} 对列的行数太少，无法判断它们是否有关",
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
    "taught": (
        "about {share:.0f} % of these rows taught the space: figures are higher than for new rows",
        "这些行中约 {share:.0f} % 用于训练过这个空间：指标会高于新的行",
    ),
    "remark_told": (
        "{column} is told, not searched for: rows that hold the same count as wrong here; "
        "km.contributions(space, test, to={column!r}) says how well it is told",
        "“{column}”应当判断而不是检索：取值相同的其他行在这里都算错；"
        "判断得怎样，请看 km.contributions(space, test, to={column!r})",
    ),
    "remark_unseen": (
        "{column}: {rows:,} rows hold a class that the space has never seen ({names}); they count as told wrong",
        "“{column}”：{rows:,} 行的类别是空间从未见过的（{names}），都算判断错误",
    ),
    "remark_repeats": (
        "{column}: {share:.0f} % of its cells repeat another row's ({count:,} different ones do), of which one alone "
        "counts as right: give such rows one `group` and ask positives='group', or put all that belong to one thing "
        "into one row as a list",
        "“{column}”：{share:.0f} % 的单元与其他行相同（{count:,} 种），检索时其中只有一个算对：请给这些行同一个 "
        "`group` 并用 positives='group'，或把属于同一事物的放进一行，写成列表",
    ),
    "split_shares": (
        "{column}: {share:.0f} % of the test rows' cells are those of training rows, so figures will be too good: give "
        "rows that share a cell one `group`, or put all that belong to one thing into one row as a list",
        "“{column}”：{share:.0f} % 的测试单元与训练行相同，结果会偏好：请给共用单元的行同一个 `group`，"
        "或把属于同一事物的放进一行，写成列表",
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
    "verdict_unrelated": (
        "neither: {given} and {wanted} do not look related (p {p:.2f}); check that rows belong together, or bring more",
        "两者都不行：{given} 与 {wanted} 看起来无关（p 为 {p:.2f}）；请检查每一行的配对是否正确，或增加数据",
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
