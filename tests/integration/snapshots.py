"""What lies in a snapshot file: its sections, as docs/SNAPSHOT.md describes them."""
import struct
import subprocess

FILE_HEADER, SECTION_HEADER = struct.Struct("<8sII"), struct.Struct("<8sIIQQII")


def checksum(header):
    """FNV-1a, 32 bits."""
    value = 2166136261
    for byte in header:
        value = (value ^ byte) * 16777619 & 0xffffffff
    return value


def sections(data):
    """(name, version, raw bytes) of each section, every header held against its checksum."""
    magic, version, found = FILE_HEADER.unpack_from(data)
    assert magic == b"\x89rsp\r\n\x1a\n" and version == 1 and found == checksum(data[:12])
    position, listed = FILE_HEADER.size, []
    while position < len(data):
        name, version, _state, raw_bytes, stored_bytes, _flags, found = SECTION_HEADER.unpack_from(data, position)
        assert found == checksum(data[position:position + 36])
        position += SECTION_HEADER.size
        raw = decompress(data[position:position + stored_bytes]) if stored_bytes else b""
        assert len(raw) == raw_bytes
        listed.append((name.rstrip(b"\0").decode(), version, raw))
        position += stored_bytes
    assert listed[-1][0] == "end"
    return listed


def without_look(text):
    """The lines of what is printed, but for how the look went and when it was."""
    return [line for line in text.splitlines()
            if not line.startswith(("Read without stopping", "The process stood still", "That was "))]


def without_section(data, unwanted):
    """The file as it would be if it had no section of that name."""
    position, kept = FILE_HEADER.size, data[:FILE_HEADER.size]
    while position < len(data):
        name, _version, _state, _raw_bytes, stored_bytes, _flags, _sum = SECTION_HEADER.unpack_from(data, position)
        end = position + SECTION_HEADER.size + stored_bytes
        kept += b"" if name.rstrip(b"\0") == unwanted.encode() else data[position:end]
        position = end
    return kept


def decompress(frame):
    return subprocess.run(["zstd", "-dc"], input=frame, capture_output=True, check=True, timeout=30).stdout


def contents(path):
    """Everything that the file says, decompressed."""
    return b"".join(raw for _name, _version, raw in sections(path.read_bytes()))
