// Tree against a model: random layers of files, directories, links and whiteouts in random order. The model is the
// definition in layer.md: what a layer adds goes over what its whiteouts leave of the layers below.
#include <fcntl.h>

#include <random>

#include "layer_model.h"
#include "scratch.h"
#include "sys/call.h"

using namespace casemate;
using namespace casemate::image;
using namespace test;

namespace {

Model read_back(const test::Scratch& scratch, const std::string& root) {
    Model model;
    const std::string list =
        scratch.run({"sh", "-c", "cd \"$1\" && find . -mindepth 1 -printf '%P %y\\n'", "x", root}).out;
    size_t from = 0;
    while (from < list.size()) {
        const size_t end = list.find('\n', from);
        const std::string line = list.substr(from, end - from);
        const std::string path = line.substr(0, line.size() - 2);
        model[path] = line.back() == 'd' ? "d" : "f" + test::slurp(root + "/" + path);
        from = end + 1;
    }
    return model;
}

}  // namespace

TEST_CASE("whiteouts: random layers give what the model says, in every order") {
    test::Scratch scratch;
    std::mt19937 random(20261121);
    int compared = 0;
    uint64_t whiteouts = 0;
    for (int round = 0; round < 400; ++round) {
        const std::string root = scratch / std::to_string(round);
        REQUIRE(::mkdir(root.c_str(), 0755) == 0);
        TreeOptions options;
        options.own = ::geteuid() == 0;
        const Limits limits;
        Tree tree = Tree::make(sys::open(root.c_str(), O_RDONLY | O_DIRECTORY).take(), options, limits).take();
        Model model;
        for (int number = 0; number < 4; ++number) {
            const ModelLayer layer = random_layer(random, number);
            if (!fits(model, layer)) continue;
            tree.start_layer(number > 0);
            const auto applied = apply_to_tree(tree, layer, std::to_string(number));
            INFO((applied ? "" : applied.error().text()));
            REQUIRE(applied);
            if (number > 0)
                apply_to_model(model, layer);
            else
                for (const auto& [path, what] : layer.upper) put(model, path, what);
            ++compared;
        }
        whiteouts += tree.counts().whiteouts;
        REQUIRE(read_back(scratch, root) == model);
    }
    CHECK(compared > 800);
    CHECK(whiteouts > 1000);
}
