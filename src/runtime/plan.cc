// `casemate plan`: what would happen, step by step, with the waivers and notes. The same decisions as a launch, no
// start.
#include "plan/plan.h"
#include "runtime/app.h"
#include "runtime/ceiling.h"
#include "runtime/directories.h"
#include "runtime/facts.h"
#include "runtime/joined.h"
#include "runtime/plan_report.h"

namespace casemate::runtime {

Result<PlanReport> plan_launch(const Settings& settings, const LaunchOptions& options) {
    const std::string id = TRY(random_id());
    Site site = TRY(Site::open(settings, id));
    const App app = TRY(prepare_app(settings, options, site));
    return report_of(app.plan, app.profile);
}

Result<PlanReport> plan_bundle(const Settings&, const std::string& path, const std::string& name) {
    const Bundle bundle = TRY(open_bundle(path));
    const auto ceiling = TRY(ceiling_profile(name));
    const plan::Tightened tightened = TRY(under_ceiling(bundle, ceiling));
    PlanReport report;
    if (tightened.refusals.empty()) {
        const plan::HostFacts facts = TRY(host_facts(tightened.profile, true));
        plan::Request request;
        request.bundle = bundle.path;
        request.namespaces = TRY(open_joined(tightened.config)).facts;
        request.sources_resolved = ceiling.has_value();
        const plan::Plan plan = TRY(plan::compile(tightened.config, tightened.profile, facts, request));
        report = report_of(plan, tightened.profile);
    }
    report.profile_name = tightened.profile.name;
    report.tightened = tightened.changes;
    report.refused = tightened.refusals;
    report.unused = tightened.unused;
    return report;
}

}  // namespace casemate::runtime
