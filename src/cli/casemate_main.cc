// The launcher. Everything is in the rooms; see cli/dispatch.cc for the way of a command line, cli/launch.cc for the
// main job.
#include "cli/dispatch.h"

int main(int argc, char** argv) { return casemate::cli::run_command_line({argv, static_cast<size_t>(argc)}); }
