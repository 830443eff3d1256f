// `casemate plan`: what would happen, step by step, with the waivers and notes. The same decisions as a launch, no
// start.
#include "plan/plan.h"
#include "runtime/app.h"
#include "runtime/bundle.h"
#include "runtime/directories.h"
#include "runtime/facts.h"
#include "runtime/plan_report.h"

namespace casemate::runtime {

Result<PlanReport> plan_launch(const Settings& settings, const LaunchOptions& options) {
    const std::string id = TRY(random_id());
    Site site = TRY(Site::open(settings, id));
    const App app = TRY(prepare_app(settings, options, site, false));
    return report_of(app.plan, app.profile);
}

Result<PlanReport> plan_bundle(const Settings&, const std::string& path, const std::string& name) {
    const policy::Profile profile = TRY(runtime_profile(name));
    const Bundle bundle = TRY(open_bundle(path));
    const plan::HostFacts facts = TRY(host_facts(profile, true));
    plan::Request request;
    request.bundle = bundle.path;
    const plan::Plan plan = TRY(plan::compile(bundle.config, profile, facts, request));
    return report_of(plan, profile);
}

}  // namespace casemate::runtime
