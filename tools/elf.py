# SPDX-License-Identifier: ISC
"""ELF64 files of little-endian machines (System V gABI, chapters 4 and 5): the one reader of
the tools.

    elf = Elf(data)         ElfError: data is not such a file
    elf.segments            of program headers: type, flags, offset, vaddr, paddr, filesz, memsz
    elf.sections            of section headers: name, type, flags, addr, offset, size, link
    elf.symbols()           of all symbol tables: name, type, binding, section (its index), value
    elf.needed()            names of the shared libraries it is linked with
    elf.interpreter()       the path of its dynamic linker, or ""
    elf.at(vaddr)           the offset of what is loaded there, or None
"""

import struct
from collections import namedtuple

PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB = 1, 5
SHT_SYMTAB, SHF_EXECINSTR = 2, 4
STT_NOTYPE, STT_FUNC = 0, 2

Segment = namedtuple("Segment", "type flags offset vaddr paddr filesz memsz")
Section = namedtuple("Section", "name type flags addr offset size link")
Symbol = namedtuple("Symbol", "name type binding section value")


class ElfError(Exception):
    pass


class Elf:
    def __init__(self, data):
        self.data = data
        if data[:6] != b"\x7fELF\x02\x01":
            raise ElfError("not a 64-bit ELF file")
        phoff, shoff = struct.unpack_from("<QQ", data, 0x20)
        phentsize, phnum, shentsize, shnum = struct.unpack_from("<HHHH", data, 0x36)
        self.segments = [Segment(*struct.unpack_from("<IIQQQQQ", data, phoff + i * phentsize))
                         for i in range(phnum)]
        self.sections = [Section(*struct.unpack_from("<IIQQQQI", data, shoff + i * shentsize))
                         for i in range(shnum)]

    def string(self, at):
        return self.data[at:self.data.index(0, at)].decode(errors="surrogateescape")

    def at(self, vaddr):
        return next((s.offset + vaddr - s.vaddr for s in self.segments
                     if s.type == PT_LOAD and s.vaddr <= vaddr < s.vaddr + s.filesz), None)

    def symbols(self):
        for table in (s for s in self.sections if s.type == SHT_SYMTAB):
            strings = self.sections[table.link].offset
            for at in range(table.offset, table.offset + table.size, 24):
                name, info, _, section, value, _ = struct.unpack_from("<IBBHQQ", self.data, at)
                yield Symbol(self.string(strings + name), info & 15, info >> 4, section, value)

    def needed(self):
        dynamic = [struct.unpack_from("<QQ", self.data, at) for s in self.segments
                   if s.type == PT_DYNAMIC for at in range(s.offset, s.offset + s.filesz, 16)]
        strings = self.at(dict(dynamic).get(DT_STRTAB, 0)) if dynamic else None
        return [self.string(strings + value) for tag, value in dynamic if tag == DT_NEEDED]

    def interpreter(self):
        return next((self.string(s.offset) for s in self.segments if s.type == PT_INTERP), "")
