#include "base/log.h"

namespace casemate {
namespace {
LogSink current_sink = nullptr;
void* current_context = nullptr;
}  // namespace

void set_log_sink(LogSink sink, void* context) {
    current_sink = sink;
    current_context = context;
}

void log(LogLevel level, std::string_view message) {
    if (current_sink) current_sink(current_context, level, message);
}

}  // namespace casemate
