"""Sentences of tables, what was decided or doubted in reading; see `kuamo.core.catalog`."""

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
        "{file}: quotes are not in pairs, and count as letters",
        "{file}：引号不成对，按普通字符处理",
    ),
    "table_slashed": (
        "{file}: quotes within quotes are written with a backslash, and read so",
        "{file}：引号内的引号以反斜杠转义，已照此读取",
    ),
    "table_swallowed": (
        "{file}, line {line:,}: a field in quotes holds lines that look like rows; is a quote missing?",
        "{file} 第 {line:,} 行：引号内的字段含有像是数据行的内容，是否缺少引号？",
    ),
    "table_numbered": (
        "a column without a name holds the numbers of rows, and is left out",
        "有一列没有名称，内容是行号，已略去",
    ),
    "table_unnamed": (
        "a column without a name is called {column}",
        "有一列没有名称，称为 {column}",
    ),
    # ── what cells are ───────────────────────────────────────────────────────────────────────────────────────────
    "table_holes": (
        "{column}: {count:,} cells that say {words} count as absent; modalities={{'{column}': km.Text()}} keeps them",
        "{column}：{count:,} 个内容为 {words} 的单元视为空；用 modalities={{'{column}': km.Text()}} 可保留这些词",
    ),
    "table_hole_words": (
        "{column}: some cells say {words}, and are taken for texts; None is an absent cell",
        "{column}：有些单元的内容是 {words}，按文本处理；空单元应当留空",
    ),
    "table_vectors": (
        "{column}: texts that spell lists of numbers are read as vectors",
        "{column}：写成文本的数字列表按向量读取",
    ),
    "table_lists": (
        "{column}: texts that spell lists are read as lists",
        "{column}：写成文本的列表按列表读取",
    ),
    "table_files": (
        "{column}: kept as meta: names of files that cannot be read ({what}); a modality of your own may read them, "
        "modalities={{'{column}': km.Text()}} makes the names texts",
        "{column}：保留为附加信息：无法读取的文件（{what}）；可用自己的模态读取，"
        "或用 modalities={{'{column}': km.Text()}} 把文件名当作文本",
    ),
    "table_bytes": (
        "{column}: kept as meta: bytes that cannot be read, which begin with {what}; a modality of your own may",
        "{column}：保留为附加信息：无法读取的字节，开头为 {what}；可用自己的模态读取",
    ),
    "table_urls": (
        "{column}: kept as meta: URLs ({what}); modalities={{'{column}': km.Image()}} and download=True fetch them",
        "{column}：保留为附加信息：网址（{what}）；用 modalities={{'{column}': km.Image()}} 和 download=True 可下载",
    ),
    "table_coded": (
        "{column}: kept as meta: bytes or records written as text ({what}); expected files, bytes, or own columns",
        "{column}：保留为附加信息：以文本写出的字节或记录（{what}）；请改用文件、字节或单独的列",
    ),
    "table_numbers": (
        "{column}: kept as meta: several numbers a cell, of unlike count ({what}); of one count they would be vectors",
        "{column}：保留为附加信息：每格若干个数，个数不一（{what}）；个数相同时可作为向量",
    ),
}
