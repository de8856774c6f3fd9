"""Formats of compression that the standard library lacks, by blocks that are stored; goes into a bottle."""


def zstandard(data: bytes) -> bytes:
    """One frame of one raw block, RFC 8878; less than 128 KiB."""
    return b"\x28\xb5\x2f\xfd\x00\x58" + (len(data) << 3 | 1).to_bytes(3, "little") + data


def brotli(data: bytes) -> bytes:
    """One uncompressed meta-block and an empty last one, RFC 7932; less than 64 KiB."""
    # Bits from the lowest: window 16 bits (0), not the last (0), 4 nibbles of length (00), length - 1, stored (1).
    head = (len(data) - 1) << 4 | 1 << 20
    return head.to_bytes(3, "little") + data + b"\x03"
