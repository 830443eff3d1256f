// Build-time program: groups.txt, arguments.txt, newer.txt and libseccomp's tables -> seccomp/tables.inc.
//
// Names and numbers come from libseccomp, so that nobody types 480 numbers; what it is too old to know comes from
// newer.txt. Stops with a message when a call is in no group or in two, has no argument line, or two sources disagree.
// Usage: casemate-seccomp-tables DIRECTORY OUTPUT
#include <seccomp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr int x32_bit = 0x40000000;
constexpr int x32_first = 512, x32_last = 547;  // x32's own numbers, above all others
constexpr int arm_private = 0xf0000;

struct ArchColumn {
    uint32_t token;
    int bit;
};
// In the order of seccomp::Arch.
constexpr std::array<ArchColumn, 5> columns{
    {{SCMP_ARCH_X86_64, 0}, {SCMP_ARCH_X86, 0}, {SCMP_ARCH_X32, x32_bit}, {SCMP_ARCH_AARCH64, 0}, {SCMP_ARCH_ARM, 0}}};
constexpr size_t x32_column = 2;

struct Call {
    std::array<int, 5> number{-1, -1, -1, -1, -1};
    std::string arguments;
    int group = -1;
};
using Table = std::map<std::string, Call>;

[[noreturn]] void stop(const std::string& text) {
    std::cerr << "seccomp tables: " << text << '\n';
    std::exit(1);
}

// The words of each line that is not empty and no comment.
std::vector<std::vector<std::string>> lines_of(const std::string& path) {
    std::ifstream in(path);
    if (!in) stop("cannot read " + path);
    std::vector<std::vector<std::string>> lines;
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::istringstream split(line);
        std::vector<std::string> words;
        for (std::string word; split >> word;) words.push_back(word);
        if (!words.empty()) lines.push_back(std::move(words));
    }
    return lines;
}

int number_of(const std::string& path, const std::string& word) {
    int number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size()) stop(path + ": '" + word + "' is no number");
    return number;
}

// newer.txt; returns the newest number that all architectures share. Libseccomp's own calls above it are left out: the
// table must not depend on which libseccomp the build machine has.
int read_newer(const std::string& path, Table& table) {
    constexpr std::array<size_t, 5> order{0, 1, 2, 3, 4};
    int newest = 0;
    for (const auto& words : lines_of(path)) {
        if (words.size() != 6) stop(path + ": '" + words[0] + "' needs five numbers");
        Call& call = table[words[0]];
        for (size_t i : order) {
            if (words[i + 1] == "-") continue;
            const int number = number_of(path, words[i + 1]);
            newest = std::max(newest, number);
            call.number[i] = i == x32_column ? number | x32_bit : number;
        }
    }
    return newest;
}

void add_known(Table& table, size_t column, int number) {
    char* name = seccomp_syscall_resolve_num_arch(columns[column].token, number);
    if (!name) return;
    int& slot = table[name].number[column];
    if (slot != -1 && slot != number) stop(std::string("newer.txt disagrees with libseccomp on '") + name + "'");
    slot = number;
    std::free(name);
}

void read_libseccomp(Table& table, int newest) {
    for (size_t column = 0; column < columns.size(); ++column) {
        const int last = column == x32_column ? x32_last : newest;
        for (int n = 0; n <= last; ++n)
            if (n <= newest || n >= x32_first) add_known(table, column, n | columns[column].bit);
        for (int n = 0; n < 16; ++n) add_known(table, column, arm_private | n);
    }
}

struct Groups {
    std::vector<std::string> names;
    std::map<std::string, std::vector<std::string>> unions;
};

// Yields the position of `name` in `names`, appending it when it is new.
int position(std::vector<std::string>& names, const std::string& name) {
    for (size_t i = 0; i < names.size(); ++i)
        if (names[i] == name) return static_cast<int>(i);
    names.push_back(name);
    return static_cast<int>(names.size() - 1);
}

Groups read_groups(const std::string& path, Table& table) {
    Groups groups;
    for (const auto& words : lines_of(path)) {
        if (words.size() > 2 && words[1] == "=") {
            groups.unions[words[0]].assign(words.begin() + 2, words.end());
            continue;
        }
        if (words.size() != 2) stop(path + ": expected 'GROUP CALL' at '" + words[0] + "'");
        const auto call = table.find(words[1]);
        if (call == table.end()) stop("'" + words[1] + "' of " + words[0] + " is no known call");
        if (call->second.group >= 0) stop("'" + words[1] + "' is in two groups, or twice in one");
        call->second.group = position(groups.names, words[0]);
    }
    for (const auto& [name, call] : table)
        if (call.group < 0) stop("'" + name + "' is in no group");
    return groups;
}

void read_arguments(const std::string& path, Table& table) {
    for (const auto& words : lines_of(path)) {
        const auto call = table.find(words[0]);
        if (call == table.end()) stop(path + ": '" + words[0] + "' is no known call");
        if (words.size() != 2 || !call->second.arguments.empty())
            stop(path + ": '" + words[0] + "' is given twice, or badly");
        if (words[1] != "-" && (words[1].size() > 6 || words[1].find_first_not_of("ilmpu") != std::string::npos))
            stop(path + ": '" + words[0] + "': expected up to six of i l m p u, or -");
        call->second.arguments = words[1];
    }
    for (const auto& [name, call] : table)
        if (call.arguments.empty()) stop(std::string("no argument line for '").append(name) + "'");
}

// The groups that a union stands for, as a bit set; a union may name earlier unions.
uint64_t members_of(const Groups& groups, const std::string& name) {
    for (size_t i = 0; i < groups.names.size(); ++i)
        if (groups.names[i] == name) return uint64_t{1} << i;
    const auto found = groups.unions.find(name);
    if (found == groups.unions.end()) stop("'" + name + "' is no group");
    uint64_t bits = 0;
    for (const std::string& part : found->second) bits |= members_of(groups, part);
    return bits;
}

std::string width_of(char letter) {
    switch (letter) {
        case 'i':
        case 'u': return "Width::bits32";
        case 'l': return "Width::bits64";
        case 'm': return "Width::bits16";
        case 'p': return "Width::pointer";
        default: return "Width::none";
    }
}

class Pool {
public:
    // "{offset, length}" of `text` in the pool.
    std::string add(const std::string& text) {
        const size_t offset = text_.size();
        text_ += text;
        return "{" + std::to_string(offset) + ", " + std::to_string(text.size()) + "}";
    }
    const std::string& text() const { return text_; }

private:
    std::string text_;
};

void write(std::ostream& out, const Table& table, const Groups& groups) {
    Pool pool;
    std::ostringstream rows, names;
    for (const auto& [name, call] : table) {
        rows << "    {" << pool.add(name) << ", {";
        for (int number : call.number) rows << number << ", ";
        rows << "}, {";
        for (size_t i = 0; i < 6; ++i) rows << width_of(i < call.arguments.size() ? call.arguments[i] : '-') << ", ";
        rows << "}, " << call.group << ", " << (call.arguments.find('u') != std::string::npos ? "true" : "false")
             << "},\n";
    }
    for (const std::string& name : groups.names)
        names << "    {" << pool.add(name) << ", " << members_of(groups, name) << "u},\n";
    for (const auto& [name, parts] : groups.unions)
        names << "    {" << pool.add(name) << ", " << members_of(groups, name) << "u},\n";

    out << "// Made by casemate-seccomp-tables. Do not edit.\n"
        << "constexpr char pool[] =\n";
    for (size_t at = 0; at < pool.text().size(); at += 100) out << "    \"" << pool.text().substr(at, 100) << "\"\n";
    out << "    ;\n\nconstexpr Syscall table[] = {\n"
        << rows.str() << "};\n\nconstexpr Group group_table[] = {\n"
        << names.str() << "};\n";
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) stop("usage: casemate-seccomp-tables DIRECTORY OUTPUT");
    const std::string directory = argv[1];
    Table table;
    read_libseccomp(table, read_newer(directory + "/newer.txt", table));
    const Groups groups = read_groups(directory + "/groups.txt", table);
    read_arguments(directory + "/arguments.txt", table);
    std::ofstream out(argv[2]);
    write(out, table, groups);
    out.close();
    if (!out) stop(std::string("cannot write ") + argv[2]);
    return 0;
}
