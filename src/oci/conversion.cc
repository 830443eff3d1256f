#include "oci/conversion.h"

#include <algorithm>

#include "base/text.h"
#include "oci/signal.h"

namespace casemate::oci {
namespace {

bool has_control(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

std::string_view name_in(std::string_view variable) { return variable.substr(0, variable.find('=')); }

// Sets NAME=value, in the place of an earlier one of that name.
void set_variable(std::vector<std::string>& env, std::string_view variable) {
    const auto same =
        std::ranges::find(env, name_in(variable), [](const std::string& known) { return name_in(known); });
    if (same != env.end())
        *same = variable;
    else
        env.emplace_back(variable);
}

bool has_variable(const std::vector<std::string>& env, std::string_view name) {
    return std::ranges::find(env, name, [](const std::string& known) { return name_in(known); }) != env.end();
}

Result<std::vector<std::string>> environment_of(const ImageDefaults& image, const ResolvedUser& user) {
    constexpr size_t most = 1024;
    if (image.env.size() > most) return Error::invalid(concat("Env: more than ", most, " variables"));
    std::vector<std::string> env;
    for (const std::string& variable : image.env) {
        const size_t equals = variable.find('=');
        if (equals == std::string::npos || equals == 0)
            return Error::invalid(concat("Env: expected NAME=value, got ", quoted(variable)));
        if (has_control(name_in(variable)))
            return Error::invalid(concat("Env: a control character in the name ", quoted(name_in(variable))));
        set_variable(env, variable);
    }
    if (!has_variable(env, "PATH")) env.push_back(concat("PATH=", default_path));
    if (!has_variable(env, "HOME")) env.push_back(concat("HOME=", user.home.empty() ? "/" : user.home));
    return env;
}

Result<std::string> directory_of(std::string_view working_dir) {
    if (working_dir.empty()) return std::string("/");
    if (working_dir.front() != '/')
        return Error::invalid(concat("WorkingDir: expected an absolute path, got ", quoted(working_dir)));
    std::string out;
    for (const std::string_view part : split(working_dir, '/')) {
        if (part == "..") return Error::invalid(concat("WorkingDir: '..' in ", quoted(working_dir)));
        if (!part.empty() && part != ".") out.append("/").append(part);
    }
    return out.empty() ? "/" : out;
}

std::vector<std::string> arguments_of(const ImageDefaults& image, const ConversionInput& input) {
    if (input.replace_entrypoint) return input.command;
    std::vector<std::string> args = image.entrypoint;
    const std::vector<std::string>& tail = input.command.empty() ? image.cmd : input.command;
    args.insert(args.end(), tail.begin(), tail.end());
    return args;
}

// conversion.md, Annotation Fields: labels win over what we derive.
std::map<std::string, std::string> annotations_of(const ImageConfig& image) {
    std::map<std::string, std::string> out = image.defaults.labels;
    out.erase("");  // config.json allows no empty key
    const auto derive = [&](std::string_view key, const std::string& value) {
        if (!value.empty()) out.try_emplace(concat("org.opencontainers.image.", key), value);
    };
    derive("os", image.platform.os);
    derive("architecture", image.platform.architecture);
    derive("variant", image.platform.variant);
    derive("os.version", image.platform.os_version);
    derive("os.features", join(image.platform.os_features, ","));
    derive("author", image.author);
    derive("created", image.created);
    derive("stopSignal", image.defaults.stop_signal);
    derive("exposedPorts", join(image.defaults.exposed_ports, ","));
    return out;
}

}  // namespace

Result<ImageProcess> convert(const ImageConfig& image, const ConversionInput& input) {
    const ImageDefaults& defaults = image.defaults;
    ImageProcess out;
    const UserRequest request = TRY_IN("User", parse_user(input.user.value_or(defaults.user)));
    out.user = TRY_IN("User", resolve_user(request, input.passwd_text, input.group_text));
    out.args = arguments_of(defaults, input);
    out.env = TRY(environment_of(defaults, out.user));
    out.cwd = TRY(directory_of(defaults.working_dir));
    if (!defaults.stop_signal.empty() && !parse_signal(defaults.stop_signal))
        return Error::invalid(concat("StopSignal: not a signal: ", quoted(defaults.stop_signal)));
    out.stop_signal = defaults.stop_signal;
    out.annotations = annotations_of(image);
    return out;
}

}  // namespace casemate::oci
