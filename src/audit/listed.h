// Is a word in a list? The rules ask nothing as often.
#pragma once

#include <algorithm>
#include <iterator>

namespace casemate::audit {

template <typename List, typename Word>
bool listed(const List& list, const Word& word) {
    return std::ranges::find(list, word) != std::end(list);
}

}  // namespace casemate::audit
