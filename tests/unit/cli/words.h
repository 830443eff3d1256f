// A command line for the tests: "run -b DIR x" split at blanks, or given word by word, kept alive for the views of
// Arguments.
#pragma once

#include <string>
#include <vector>

#include "base/text.h"
#include "cli/command.h"

namespace casemate::test {

class Words {
public:
    Words(std::vector<std::string> words) : words_(std::move(words)) { words_.insert(words_.begin(), "casemate"); }
    Words(const char* line) {
        words_.push_back("casemate");
        for (const std::string_view word : split(line, ' ')) words_.emplace_back(word);
    }
    Result<cli::Arguments> parse() const {
        std::vector<char*> argv;
        for (const std::string& word : words_) argv.push_back(const_cast<char*>(word.c_str()));
        cli::Arguments arguments;
        TRY(cli::parse(argv, arguments));
        return arguments;
    }

private:
    std::vector<std::string> words_;
};

}  // namespace casemate::test
