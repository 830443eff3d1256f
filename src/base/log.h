// The log callback. The library is silent unless a callback is set; a failure is returned, never logged here.
#pragma once

#include <string_view>

namespace casemate {

enum class LogLevel { debug, info, warning, error };

using LogSink = void (*)(void* context, LogLevel level, std::string_view message);

// Sets the process-wide sink (nullptr: silent). Not thread-safe: set it before the first launch.
void set_log_sink(LogSink sink, void* context);
// One line. A warning never concerns a restriction (ARCHITECTURE, rule 1).
void log(LogLevel level, std::string_view message);

}  // namespace casemate
