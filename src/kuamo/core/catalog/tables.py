"""Sentences of tables, what was decided or is uncertain in reading; see `kuamo.core.catalog`."""

__all__ = ["TABLES"]

TABLES: dict[str, tuple[str, str]] = {
    # ── how a file is written ────────────────────────────────────────────────────────────────────────────────────
    "table_separator": (
        "{file}: its fields are separated by {given}, not by {usual}",
        "{file}：字段的分隔符是 {given}，而不是 {usual}",
    ),
    "table_headless": (
        "{file}: the first line looks like a row, not like names of columns: {line}",
        "{file}：第一行像是数据而不是列名：{line}",
    ),
    "table_quotes": (
        "{file}: unbalanced quotes are treated as ordinary characters",
        "{file}：引号不成对，按普通字符处理",
    ),
    "table_slashed": (
        "{file}: quotes inside quoted fields are escaped with a backslash and were read accordingly",
        "{file}：引号内的引号以反斜杠转义，已照此读取",
    ),
    "table_swallowed": (
        "{file}, line {line:,}: a quoted field contains lines that look like rows; is a quote missing?",
        "{file} 第 {line:,} 行：引号内的字段含有像是数据行的内容，是否缺少引号？",
    ),
    "table_numbered": (
        "a column without a name contains row numbers and is dropped",
        "有一列没有名称，内容是行号，已略去",
    ),
    "table_unnamed": (
        "a column without a name was named {column}",
        "有一列没有名称，已命名为 {column}",
    ),
    # ── what cells are ───────────────────────────────────────────────────────────────────────────────────────────
    "table_holes": (
        "{column}: {count:,} cells that contain {words} are treated as missing; use "
        "modalities={{'{column}': km.Text()}} to keep them as text",
        "{column}：{count:,} 个内容为 {words} 的单元格视为缺失；用 modalities={{'{column}': km.Text()}} 可保留这些词",
    ),
    "table_hole_words": (
        "{column}: some cells contain {words} and are read as text; use None for a missing cell",
        "{column}：有些单元格的内容是 {words}，按文本处理；缺失的单元格请留空",
    ),
    "table_vectors": (
        "{column}: texts that contain lists of numbers are read as vectors",
        "{column}：写成文本的数字列表按向量读取",
    ),
    "table_lists": (
        "{column}: texts that contain lists are read as lists",
        "{column}：写成文本的列表按列表读取",
    ),
    "table_files": (
        "{column}: kept as metadata: names of files of an unsupported kind ({what}); use a custom modality to read "
        "them, or modalities={{'{column}': km.Text()}} to treat the names as text",
        "{column}：保留为元数据：不支持的文件类型（{what}）；可用自定义模态读取，或用 "
        "modalities={{'{column}': km.Text()}} 把文件名当作文本",
    ),
    "table_bytes": (
        "{column}: kept as metadata: bytes of an unsupported kind, which begin with {what}; use a custom modality "
        "to read them",
        "{column}：保留为元数据：不支持的字节内容，开头为 {what}；可用自定义模态读取",
    ),
    "table_urls": (
        "{column}: kept as metadata: URLs ({what}); use modalities={{'{column}': km.Image()}} and download=True to "
        "fetch them",
        "{column}：保留为元数据：网址（{what}）；用 modalities={{'{column}': km.Image()}} 和 download=True 可下载",
    ),
    "table_coded": (
        "{column}: kept as metadata: bytes or records written as text ({what}); expected files, bytes, or separate "
        "columns",
        "{column}：保留为元数据：以文本写出的字节或记录（{what}）；请改用文件、字节或单独的列",
    ),
    "table_numbers": (
        "{column}: kept as metadata: cells with different counts of numbers ({what}); with equal counts they would "
        "be vectors",
        "{column}：保留为元数据：各单元格的数字个数不一（{what}）；个数相同时可作为向量",
    ),
}
