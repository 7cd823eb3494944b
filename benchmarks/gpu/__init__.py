"""What one GPU has to say, in one command: ``python -m benchmarks.gpu --out gpu.json``.

It checks what only a GPU runs against the CPU, and measures. Parts are ordered by worth, each in a process of
its own with a share of the time, so that one that hangs or breaks the device takes none of the others along.
The file is written anew whenever there is more of it. ``--device cpu`` runs the same script at tiny sizes.
"""
