"""Networks and their weights (torch only).

Tensor letters: B batch, N objects, K channels of a key, V channels of a value, T memory frames, C channels, H and W height
and width in pixels, h and w height and width of a stride-16 map.
"""
