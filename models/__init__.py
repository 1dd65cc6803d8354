"""The networks; torch only, and never imports `core`, Blender or OpenCV (except `training/samples/pool.py`).

Letters used for tensor shapes in this package:

====  =====================================================================
B     batch (clips or pictures)
N     objects in a clip
T     memory frames
C     channels (`Ck` of keys, `Cv` of values)
H, W  height and width; `f16`, `f8`, `f4`, `f2` name feature maps by stride
M     memory positions, `T * H/16 * W/16` flattened
Q     query positions, `H/16 * W/16` flattened
====  =====================================================================

Importing this package does not import torch; the modules in it do.
"""
