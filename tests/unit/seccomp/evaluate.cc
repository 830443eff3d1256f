// The evaluator: what the kernel refuses, and what each instruction does. Instructions that our compiler never makes
// are here because libseccomp's programs and other peoples' filters have them.
#include <doctest/doctest.h>

#include "support.h"

namespace casemate::seccomp {
namespace {

constexpr sock_filter ret(uint32_t k) { return {BPF_RET | BPF_K, 0, 0, k}; }
constexpr sock_filter ret_a() { return {BPF_RET | BPF_A, 0, 0, 0}; }
constexpr sock_filter load(uint32_t offset) { return {BPF_LD | BPF_W | BPF_ABS, 0, 0, offset}; }
constexpr sock_filter imm(uint32_t k) { return {BPF_LD | BPF_IMM, 0, 0, k}; }
constexpr sock_filter imm_x(uint32_t k) { return {BPF_LDX | BPF_IMM, 0, 0, k}; }
constexpr sock_filter alu(int operation, uint32_t k) { return {static_cast<uint16_t>(BPF_ALU | operation), 0, 0, k}; }
constexpr sock_filter jump(int operation, uint32_t k, uint8_t jt, uint8_t jf) {
    return {static_cast<uint16_t>(BPF_JMP | operation), jt, jf, k};
}

using Code = std::vector<sock_filter>;

uint32_t result(const Code& program, const seccomp_data& data = {}) {
    const auto value = evaluate(program, data);
    REQUIRE(value);
    return value.value();
}

bool refused(const Code& program) { return !check(program) && !evaluate(program, {}); }

}  // namespace

TEST_CASE("evaluate: refused as the kernel refuses") {
    CHECK(refused({}));
    CHECK(refused(Code(4097, ret(0))));
    CHECK_FALSE(refused(Code(4096, ret(0))));
    CHECK(refused({imm(1)}));                                       // does not end with a return
    CHECK(refused({load(2), ret(0)}));                              // not aligned
    CHECK(refused({load(sizeof(seccomp_data)), ret(0)}));           // outside
    CHECK(refused({{BPF_LD | BPF_H | BPF_ABS, 0, 0, 0}, ret(0)}));  // half a word
    CHECK(refused({{BPF_LD | BPF_W | BPF_IND, 0, 0, 0}, ret(0)}));
    CHECK(refused({alu(BPF_MOD | BPF_K, 3), ret(0)}));  // not on seccomp's list
    CHECK(refused({alu(BPF_DIV | BPF_K, 0), ret(0)}));
    CHECK(refused({alu(BPF_LSH | BPF_K, 32), ret(0)}));
    CHECK(refused({jump(BPF_JEQ | BPF_K, 0, 1, 0), ret(0)}));  // past the end
    CHECK(refused({jump(BPF_JEQ | BPF_K, 0, 0, 1), ret(0)}));
    CHECK(refused({jump(BPF_JA, 1, 0, 0), ret(0)}));
    CHECK(refused({jump(BPF_JA, 0xffffffff, 0, 0), ret(0)}));
    CHECK(refused({{BPF_ST, 0, 0, 16}, ret(0)}));
    CHECK(refused({{BPF_LD | BPF_MEM, 0, 0, 3}, ret_a()}));  // nothing wrote it
    CHECK(refused({jump(BPF_JEQ | BPF_K, 0, 0, 1), {BPF_ST, 0, 0, 3}, {BPF_LD | BPF_MEM, 0, 0, 3}, ret_a()}));
}

TEST_CASE("evaluate: loads") {
    seccomp_data data{
        .nr = 5, .arch = 6, .instruction_pointer = 0x1122334455667788, .args = {1, 2, 3, 4, 5, 0xaabbccdd00112233}};
    CHECK(result({load(0), ret_a()}, data) == 5);
    CHECK(result({load(4), ret_a()}, data) == 6);
    CHECK(result({load(8), ret_a()}, data) == 0x55667788);
    CHECK(result({load(60), ret_a()}, data) == 0xaabbccdd);
    CHECK(result({{BPF_LD | BPF_W | BPF_LEN, 0, 0, 0}, ret_a()}) == 64);
    CHECK(result({{BPF_LDX | BPF_W | BPF_LEN, 0, 0, 0}, {BPF_MISC | BPF_TXA, 0, 0, 0}, ret_a()}) == 64);
    CHECK(result({imm(9), {BPF_ST, 0, 0, 15}, imm(1), {BPF_LD | BPF_MEM, 0, 0, 15}, ret_a()}) == 9);
    CHECK(
        result({imm_x(8), {BPF_STX, 0, 0, 0}, {BPF_LDX | BPF_MEM, 0, 0, 0}, {BPF_MISC | BPF_TXA, 0, 0, 0}, ret_a()}) ==
        8);
}

TEST_CASE("evaluate: arithmetic") {
    const auto with = [](uint32_t a, int operation, uint32_t k) {
        return result({imm(a), alu(operation, k), ret_a()});
    };
    CHECK(with(0xffffffff, BPF_ADD | BPF_K, 2) == 1);
    CHECK(with(1, BPF_SUB | BPF_K, 2) == 0xffffffff);
    CHECK(with(0x10000, BPF_MUL | BPF_K, 0x10001) == 0x10000);
    CHECK(with(7, BPF_DIV | BPF_K, 2) == 3);
    CHECK(with(6, BPF_AND | BPF_K, 3) == 2);
    CHECK(with(6, BPF_OR | BPF_K, 1) == 7);
    CHECK(with(6, BPF_XOR | BPF_K, 3) == 5);
    CHECK(with(1, BPF_LSH | BPF_K, 31) == 0x80000000);
    CHECK(with(0x80000000, BPF_RSH | BPF_K, 31) == 1);
    CHECK(with(1, BPF_NEG, 0) == 0xffffffff);
    CHECK(result({imm(7), imm_x(2), alu(BPF_DIV | BPF_X, 0), ret_a()}) == 3);
    CHECK(result({imm(7), imm_x(0), alu(BPF_DIV | BPF_X, 0), ret(9)}) == 0);  // ends the program
    CHECK(result({imm(7), {BPF_MISC | BPF_TAX, 0, 0, 0}, alu(BPF_ADD | BPF_X, 0), ret_a()}) == 14);
}

TEST_CASE("evaluate: jumps") {
    const auto taken = [](uint32_t a, int operation, uint32_t k) {
        return result({imm(a), imm_x(k), jump(operation, k, 0, 1), ret(1), ret(0)}) == 1;
    };
    for (int source : {BPF_K, BPF_X}) {
        CHECK(taken(5, BPF_JEQ | source, 5));
        CHECK_FALSE(taken(5, BPF_JEQ | source, 6));
        CHECK(taken(0x80000000, BPF_JGT | source, 5));
        CHECK_FALSE(taken(5, BPF_JGT | source, 5));
        CHECK(taken(5, BPF_JGE | source, 5));
        CHECK_FALSE(taken(4, BPF_JGE | source, 5));
        CHECK(taken(6, BPF_JSET | source, 2));
        CHECK_FALSE(taken(6, BPF_JSET | source, 1));
    }
    CHECK(result({jump(BPF_JA, 1, 0, 0), ret(1), ret(2)}) == 2);
}

}  // namespace casemate::seccomp
