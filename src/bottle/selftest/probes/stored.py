"""Formats of compression that the standard library lacks, by blocks that are stored; goes into a bottle."""


def zstandard(data: bytes) -> bytes:
    """One frame of one raw block, RFC 8878; less than 128 KiB."""
    return b"\x28\xb5\x2f\xfd\x00\x58" + (len(data) << 3 | 1).to_bytes(3, "little") + data


def brotli(data: bytes) -> bytes:
    """One uncompressed meta-block and an empty last one, RFC 7932; less than 64 KiB."""
    # From the lowest bit: a window of 64 KiB, not the last block, 4 nibbles of length, length - 1, stored.
    head = (len(data) - 1) << 4 | 1 << 20
    return head.to_bytes(3, "little") + data + b"\x03"
