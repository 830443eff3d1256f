// The stub's ELF file as bytes.
    .section .rodata
    .globl casemate_stub_begin, casemate_stub_end
    .balign 16
casemate_stub_begin:
    .incbin STUB_ELF
casemate_stub_end:
#if defined(__x86_64__) && defined(__CET__)
#include <cet.h>
#endif
    .section .note.GNU-stack, "", %progbits
