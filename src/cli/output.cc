// Messages, log lines and colour. No locale and no time zone file: nothing here may load what an image could own.
#include "cli/output.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/fd.h"
#include "base/text.h"
#include "base/rfc3339.h"
#include "json/writer.h"

namespace casemate::cli {
namespace {

constexpr std::string_view level_names[] = {"debug", "info", "warning", "error"};

struct Log {
    LogSettings settings;
    std::string held;  // lines of a JSON log that wait for the end: see flush_log()
};
Log* current = nullptr;  // lives as long as the process; a pointer needs no initialiser before main

std::string_view name_of(LogLevel level) { return level_names[static_cast<size_t>(level)]; }

// One write with O_APPEND, so that lines of two processes never mix.
Result<void> append_to_log(std::string_view line) {
    Fd file(::open(current->settings.file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644));
    if (!file) return Error::sys("open").within(quoted(current->settings.file)).within("log");
    return write_out(file.get(), line);
}

// Gives false when there is no log, or when it cannot be written: then standard error must have the message.
bool logged(LogLevel level, std::string_view message) {
    if (!current || (current->settings.file.empty() && !current->settings.json)) return false;
    const std::string line = concat(log_line(level, message, current->settings.json, ::time(nullptr)), '\n');
    if (!current->settings.file.empty() && current->settings.json && level < LogLevel::error && current->settings.least > LogLevel::debug) {
        current->held += line;
        return true;
    }
    if (current->settings.file.empty()) return static_cast<bool>(write_out(2, line));
    const Result<void> done = append_to_log(line);
    if (!done) static_cast<void>(write_out(2, concat("casemate: ", done.error().text(), '\n')));
    return static_cast<bool>(done);
}

void sink(void*, LogLevel level, std::string_view message) {
    if (level < current->settings.least) return;
    if (logged(level, message)) return;
    const std::string_view word = level == LogLevel::info ? std::string_view() : name_of(level);
    static_cast<void>(write_out(2, concat("casemate: ", word, word.empty() ? "" : ": ", message, '\n')));
}

}  // namespace

void start_log(LogSettings settings) {
    static Log kept;
    kept.settings = std::move(settings);
    current = &kept;
    set_log_sink(sink, nullptr);
}

void flush_log() {
    if (current && !current->held.empty()) static_cast<void>(append_to_log(current->held));
}

// Both: runc writes the log and standard error too. Only JSON without a file replaces the plain text.
void report_error(const Error& error) {
    const std::string& hint = error.hint_text();
    const bool done = logged(LogLevel::error, hint.empty() ? error.text() : concat(error.text(), "; hint: ", hint));
    if (done && current->settings.file.empty()) return;
    std::string text = concat(current ? current->held : "", "casemate: ", error.text(), '\n');
    if (!hint.empty()) text += concat("hint: ", hint, '\n');
    static_cast<void>(write_out(2, text));  // nobody is left to tell
}

std::string log_line(LogLevel level, std::string_view message, bool json, int64_t seconds) {
    if (json)
        return json::Writer()
            .begin_object()
            .field("level", name_of(level))
            .field("msg", message)
            .field("time", rfc3339(seconds))
            .end_object()
            .take();
    return concat("time=\"", rfc3339(seconds), "\" level=", name_of(level), " msg=", json::quote(message));
}

Result<void> write_out(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return Error::sys(fd == 1 ? "standard output" : "write");
        text.remove_prefix(static_cast<size_t>(count));
    }
    return {};
}

std::string Paint::wrap(const char* start, std::string_view text) const {
    return on_ ? concat(start, text, "\x1b[0m") : std::string(text);
}

Paint paint_for(int fd, std::string_view choice) {
    if (choice == "always") return Paint(true);
    if (choice == "never") return Paint(false);
    const char* no_color = ::getenv("NO_COLOR");
    const char* term = ::getenv("TERM");
    const bool wanted = (!no_color || !*no_color) && (!term || std::string_view(term) != "dumb");
    return Paint(wanted && ::isatty(fd) == 1);
}

size_t columns_of(int fd) {
    size_t columns = 80;
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        columns = size.ws_col;
    } else if (const char* text = ::getenv("COLUMNS")) {
        columns = parse_decimal(text, 1000).value_or(80);
    }
    return columns < 40 ? 40 : columns > 110 ? 110 : columns;
}

std::string wrapped(std::string_view text, size_t indent, size_t width) {
    std::string out;
    size_t column = indent;
    for (const std::string_view word : split(text, ' ')) {
        if (word.empty()) continue;
        if (column > indent && column + 1 + word.size() > width) {
            out += concat('\n', std::string(indent, ' '));
            column = indent;
        } else if (column > indent) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
    }
    return out;
}

std::string table(std::span<const std::vector<std::string>> rows, const Paint& paint) {
    std::vector<size_t> widths;
    for (const auto& row : rows)
        for (size_t i = 0; i < row.size(); ++i) {
            if (widths.size() <= i) widths.push_back(0);
            widths[i] = std::max(widths[i], printable(row[i]).size());
        }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (size_t i = 0; i < row.size(); ++i) {
            const std::string cell = printable(row[i]);
            line += cell;
            if (i + 1 < row.size()) line.append(widths[i] + 2 - cell.size(), ' ');
        }
        out += concat(&row == &rows.front() ? paint.bold(line) : line, '\n');
    }
    return out;
}

}  // namespace casemate::cli
