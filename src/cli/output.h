// What the launcher says: results on standard output, messages on standard error, log lines for an engine.
//
// The log line is runc's (`level`, `msg`, `time`): podman reads the whole file as one JSON object and containerd keeps
// the last error, so an error is exactly one line and nothing below a warning is written unless --debug asks for it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace casemate::cli {

struct LogSettings {
    std::string file;   // --log; empty: none
    bool json = false;  // --log-format json; without a file, standard error gets the JSON line
    LogLevel least = LogLevel::warning;
};

// Sets where messages go and takes the library's log callback. Opens nothing: the file is opened at the first line.
void start_log(LogSettings settings);

// The last of a verb that succeeded. Until then a JSON log in a file holds its warnings back, unless --debug asks for them:
// podman reads the whole file as one object, which after a failure must be the error (CONTRACT 1.4). Then they go to
// standard error.
void flush_log();

// "casemate: text", then "hint: ..." where there is one, and one error line in the log.
void report_error(const Error& error);

// One runc line without the newline; text form as logrus writes it. `seconds` since 1970, printed as RFC 3339 in UTC.
std::string log_line(LogLevel level, std::string_view message, bool json, int64_t seconds);

// Writes everything, or says why not (a full disk, a closed pipe): a result that nobody got is a failure.
Result<void> write_out(int fd, std::string_view text);
inline Result<void> print(std::string_view text) { return write_out(1, text); }

// Colour, or nothing at all.
class Paint {
public:
    explicit Paint(bool on) : on_(on) {}
    std::string bold(std::string_view text) const { return wrap("\x1b[1m", text); }
    std::string red(std::string_view text) const { return wrap("\x1b[31m", text); }
    std::string green(std::string_view text) const { return wrap("\x1b[32m", text); }
    std::string yellow(std::string_view text) const { return wrap("\x1b[33m", text); }
    bool on() const { return on_; }

private:
    std::string wrap(const char* start, std::string_view text) const;
    bool on_;
};

// `choice` is --color's value: always, never, or auto (also when empty): a terminal, no NO_COLOR, TERM not dumb.
Paint paint_for(int fd, std::string_view choice);
// The terminal's width, or COLUMNS, or 80; from 40 to 110, as longer lines are hard to read.
size_t columns_of(int fd);

// `text` in lines of at most `width` columns, all but the first indented; a word that is too long stands alone.
std::string wrapped(std::string_view text, size_t indent, size_t width);

// Columns two blanks apart; the first row is the heading. Control bytes of cells are escaped.
std::string table(std::span<const std::vector<std::string>> rows, const Paint& paint);

}  // namespace casemate::cli
