"""Sentences of cells that cannot be read, what was given; see `kuamo.core.errors.CellError`."""

__all__ = ["CELLS"]

CELLS: dict[str, tuple[str, str]] = {
    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────
    "cell_no_file": ("{name} (No such file or directory)", "{name}（文件不存在）"),
    "cell_no_right": ("{name} (Permission denied)", "{name}（没有读取权限）"),
    "cell_not_read": ("{name} ({error})", "{name}（无法读取，系统提示：{error}）"),
    "cell_not_plain": ("{name}, which is not a plain file", "{name}，不是普通文件"),
    "cell_outside": ("{name}, which is outside the root", "{name}，在根目录之外"),
    "cell_too_large": ("{name}, more than {count:,} bytes", "{name}，超过 {count:,} 字节"),
    "cell_broke_off": (
        "{name}, whose download stopped after {count:,} bytes",
        "{name}，下载在 {count:,} 字节后中断",
    ),
    "cell_slow": (
        "{name}, which did not arrive within {count} seconds",
        "{name}，{count} 秒后仍未取得",
    ),
    "cell_failed": ("{name} ({kind}: {error})", "{name}（解码失败，{kind}：{error}）"),
    "cell_unreadable": (
        "a cell that cannot be read ({kind}: {error})",
        "无法读取的单元格（{kind}：{error}）",
    ),
    # ── images and audio ─────────────────────────────────────────────────────────────────────────────────────────
    "cell_damaged_picture": (
        "{name}, a damaged image",
        "{name}，图像已损坏",
    ),
    "cell_begins_with": (
        "{name}, which begins with {start}",
        "{name}，不是图像，开头为 {start}",
    ),
    "cell_many_pixels": ("{name} ({width} × {height} pixels)", "{name}（{width} × {height} 像素，过大）"),
    "cell_cut_bytes": (
        "{name}, cut off after {count:,} of {given:,} bytes",
        "{name}，只有前 {count:,} 字节，应有 {given:,} 字节",
    ),
    "cell_cut_samples": (
        "{name}, cut off after {count:,} of {given:,} samples",
        "{name}，只有前 {count:,} 个采样，应有 {given:,} 个",
    ),
    "cell_many_samples": ("{name}, more than {count:,} samples", "{name}，超过 {count:,} 个采样"),
    "cell_samples": ("samples of shape {shape}", "采样的形状为 {shape}"),
    "cell_odd_samples": (
        "samples with NaN or infinity",
        "采样中有 NaN 或无穷大",
    ),
    "cell_loud": ("samples of {kind} up to {peak}", "类型为 {kind}、最大为 {peak} 的采样"),
    "cell_rate": ("a rate of {rate} Hz", "采样率为 {rate} Hz"),
    # ── values ───────────────────────────────────────────────────────────────────────────────────────────────────
    "cell_kind": ("{kind} {value}", "{value}，类型为 {kind}"),
    "cell_empty_text": ("an empty text", "空文本"),
    "cell_half": ("{value}, with a lone surrogate", "{value}，含有不成对的代理码位"),
    "cell_array": ("an array of shape {shape}", "形状为 {shape} 的数组"),
    "cell_dtype": ("an array of {dtype}", "元素类型为 {dtype} 的数组"),
    "cell_levels": (
        "levels of {dtype} from {low:.4g} to {high:.4g}",
        "类型为 {dtype}、取值从 {low:.4g} 到 {high:.4g} 的灰度",
    ),
    "cell_size": ("a vector of size {size}", "长度为 {size} 的向量"),
    "cell_at": ("{value} at position {place}", "第 {place} 位为 {value}"),
    "cell_shape": ("a value of shape {shape}", "形状为 {shape} 的值"),
}
