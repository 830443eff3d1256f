// rbench: several commands, interleaved, compared. A round runs every command once, in an order shuffled anew (with a
// fixed order a row always pays for the same neighbour's teardown: up to 20 %). Printed for each: wall median, minimum,
// 95th percentile; peak RSS and page faults; and its ratio to each reference row, as the median of the per-round ratios
// (drift of the machine cancels) and as the ratio of minima.
//
//   rbench [-n ROUNDS] [-w WARMUP] [-g MS] [-r NAME]... NAME COMMAND [NAME COMMAND]...
//     COMMAND is split on blanks ('quotes' keep blanks together); @ becomes a number that no other run has (ids).
//     -g MS: idle before every command. -r NAME: a reference row; the first row when there is none.
//   RSS and faults are the kernel's accounting of the command and of every descendant that was waited for.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <vector>

extern char** environ;

namespace {

struct Row {
    std::string name;
    std::vector<std::string> words;
    std::vector<double> wall_ms;
    long rss_kib = 0;
    long faults = 0;  // the fewest of any run
    int failed = 0;
    int last_code = 0;
};

struct Options {
    int rounds = 30;
    int warmup = 3;
    int gap_ms = 0;
    std::vector<std::string> references;
};

double now_ms() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

std::vector<std::string> split(const std::string& command) {
    std::vector<std::string> words;
    std::string word;
    bool quoted = false, any = false;
    for (const char c : command) {
        if (c == '\'') {
            quoted = !quoted;
            any = true;
        } else if (c == ' ' && !quoted) {
            if (any || !word.empty()) words.push_back(word);
            word.clear();
            any = false;
        } else {
            word += c;
        }
    }
    if (any || !word.empty()) words.push_back(word);
    return words;
}

double quantile(std::vector<double> values, double part) {
    std::sort(values.begin(), values.end());
    return values[static_cast<size_t>(part * static_cast<double>(values.size() - 1) + 0.5)];
}

// Runs the row's command once; `keep` says whether the figures count.
void run(Row& row, int number, bool keep) {
    std::vector<std::string> words = row.words;
    std::vector<char*> arguments;
    for (std::string& word : words) {
        for (size_t at; (at = word.find('@')) != word.npos;) word.replace(at, 1, std::to_string(number));
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    const double start = now_ms();
    pid_t pid = 0;
    if (posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ) != 0) {
        std::fprintf(stderr, "rbench: cannot start %s\n", arguments[0]);
        std::exit(2);
    }
    int status = 0;
    rusage usage{};
    wait4(pid, &status, 0, &usage);
    const double end = now_ms();
    posix_spawn_file_actions_destroy(&actions);
    if (status != 0) {
        ++row.failed;
        row.last_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    if (!keep) return;
    const long faults = usage.ru_minflt + usage.ru_majflt;
    row.faults = row.wall_ms.empty() ? faults : std::min(row.faults, faults);
    row.rss_kib = std::max(row.rss_kib, usage.ru_maxrss);
    row.wall_ms.push_back(end - start);
}

void print_table(const std::vector<Row>& rows, const std::vector<const Row*>& references) {
    std::printf("%-28s %8s %8s %8s %8s %7s", "", "wall ms", "min", "p95", "RSS KiB", "faults");
    for (const Row* reference : references) std::printf("   x %-10.10s (min)", reference->name.c_str());
    std::printf("\n");
    for (const Row& row : rows) {
        std::printf("%-28s %8.2f %8.2f %8.2f %8ld %7ld", row.name.c_str(), quantile(row.wall_ms, 0.5),
                    quantile(row.wall_ms, 0), quantile(row.wall_ms, 0.95), row.rss_kib, row.faults);
        for (const Row* reference : references) {
            std::vector<double> ratios;
            for (size_t i = 0; i < row.wall_ms.size(); ++i) ratios.push_back(row.wall_ms[i] / reference->wall_ms[i]);
            const double minima = quantile(row.wall_ms, 0) / quantile(reference->wall_ms, 0);
            std::printf("   %8.2f %9.2f", quantile(ratios, 0.5), minima);
        }
        if (row.failed > 0) std::printf("  (%d runs failed, last exit %d)", row.failed, row.last_code);
        std::printf("\n");
    }
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    for (int option; (option = getopt(argc, argv, "+n:w:g:r:")) != -1;) {
        if (option == 'n') options.rounds = std::atoi(optarg);
        if (option == 'w') options.warmup = std::atoi(optarg);
        if (option == 'g') options.gap_ms = std::atoi(optarg);
        if (option == 'r') options.references.emplace_back(optarg);
        if (option == '?') return 2;
    }
    std::vector<Row> rows;
    for (int i = optind; i + 1 < argc; i += 2) {
        Row row;
        row.name = argv[i];
        row.words = split(argv[i + 1]);
        rows.push_back(row);
    }
    if (rows.empty() || options.rounds < 1) {
        std::fputs("usage: rbench [-n ROUNDS] [-w WARMUP] [-g MS] [-r NAME]... NAME COMMAND [NAME COMMAND]...\n",
                   stderr);
        return 2;
    }
    std::vector<const Row*> references;
    for (const Row& row : rows)
        if (std::find(options.references.begin(), options.references.end(), row.name) != options.references.end())
            references.push_back(&row);
    if (references.empty()) references.push_back(&rows[0]);

    std::mt19937 random(static_cast<unsigned>(getpid()));
    std::vector<Row*> order;
    for (Row& row : rows) order.push_back(&row);
    int number = getpid() * 1000;
    for (int round = -options.warmup; round < options.rounds; ++round) {
        std::shuffle(order.begin(), order.end(), random);
        for (Row* row : order) {
            if (options.gap_ms > 0) usleep(static_cast<useconds_t>(options.gap_ms) * 1000);
            run(*row, number++, round >= 0);
        }
    }
    print_table(rows, references);
    for (const Row& row : rows)
        if (row.failed > 0) return 1;
    return 0;
}
