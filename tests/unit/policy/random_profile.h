// Random profiles for the laws of merge: for each field a few values that meet in every way its kind knows; a profile
// takes some of the fields. A field without values here fails a test, so a new one cannot be forgotten.
#pragma once

#include <random>
#include <vector>

#include "policy/fields.h"

namespace casemate::policy::test {

class RandomProfiles {
public:
    explicit RandomProfiles(unsigned seed);

    // Each field is present with one chance in three. Grants and labels only with `all`: two of them may contradict.
    Profile next(bool all = false);
    // How many values the field has.
    size_t values_of(const Field& field) const;

private:
    struct Pool {
        const Field* field;
        std::vector<Profile> values;  // each says this field only
        bool may_contradict;
    };
    std::mt19937 random_;
    std::vector<Pool> pools_;
    unsigned count_ = 0;
};

}  // namespace casemate::policy::test
