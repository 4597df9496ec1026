"""Features → codes in one space.

embedding      codes (points or Gaussians), and the head that a closed form gives
heads          trainable heads
blended_head   heads of closed forms side by side
fusion         several codes of a row → one, and their weights
trained_fusion, attention, cross_attention, gating, tensor_fusion, late_fusion    fusions with parameters
parts          codes of rows, and the parts of their cells that a fusion may read
space          EmbeddingSpace: a tower for each column; encode, fuse, compare
hubness        the correction of a column's queries, as a space keeps it
decoder        what a decoder is: codes → numbers
storage        a space as a folder of plain data and safetensors
provenance     which rows a space was trained on, by fingerprints
"""
