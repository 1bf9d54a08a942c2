internal import HTTPTypes
internal import UmbelEngine
internal import UmbelFormats
internal import UmbelRegistry

extension Problem {
    init(traffic error: TrafficError) {
        switch error {
        case .noArms: self.init(route: "A route needs an arm")
        case .tooManyArms(let limit): self.init(route: "A route has at most \(limit) arms and shadows")
        case .invalidArmName(let name): self.init(route: "“\(name)” is no name for an arm")
        case .duplicateArm(let name): self.init(route: "Two arms are called “\(name)”")
        case .invalidWeight(let arm): self.init(route: "The weight of “\(arm)” is not a number from 0 to 1000000000")
        case .invalidShare(let shadow): self.init(route: "The share of “\(shadow)” is not a number from 0 to 1")
        case .noTraffic: self.init(route: "Every weight is 0")
        case .armIsRoute(let arm, let route):
            self.init(route: "Arm “\(arm)” points to the route “\(route)”; an arm serves a model")
        case .invalidMetric(let name):
            self.init(
                .badRequest, "invalid_metric", "Invalid metric",
                "“\(name)” is no name for a metric: letters, digits, “.”, “_” and “-”, at most 96")
        case .tooManyMetrics(let limit):
            self.init(
                .unprocessableContent, "too_many_metrics", "Too many metrics", "An arm has at most \(limit) metrics")
        case .nameTaken(let name):
            self.init(
                .conflict, "name_taken", "Name taken",
                "“\(name)” is a base, an adapter or the default chain, or looks like the id of a variant: a route needs another name"
            )
        case .adapterInUse(let adapter, let routes):
            self.init(
                .conflict, "adapter_in_use", "Adapter in use",
                "“\(adapter)” is used by \(routes.quoted). With force=true the name goes, and the routes keep the content"
            )
            errors = routes.map { ["route": .string($0)] }
        case .unknownRoute(let name):
            self.init(.notFound, "unknown_route", "Unknown route", "There is no route “\(name)”")
        case .unknownArm(let route, let arm):
            self.init(.notFound, "unknown_arm", "Unknown arm", "Route “\(route)” has no arm “\(arm)”")
        case .unknownGeneration(let route, let generation):
            self.init(
                .notFound, "unknown_generation", "Unknown generation",
                "Route “\(route)” has no generation \(generation), or not any more")
        case .unknownRequest(let route, let request):
            self.init(
                .notFound, "unknown_request", "Unknown request",
                "No request “\(request)” of this experiment of route “\(route)” is remembered")
        case .nothingToRollBack(let route):
            self.init(
                .conflict, "nothing_to_roll_back", "Nothing to roll back", "Route “\(route)” has never been another")
        case .preconditionFailed(let route, let generation):
            let state = generation.map { "has generation \($0)" } ?? "does not exist"
            self.init(
                .preconditionFailed, "precondition_failed", "Precondition failed", "Route “\(route)” \(state)")
        }
    }

    private init(route detail: String) {
        self.init(.badRequest, "invalid_route", "Invalid route", detail)
    }
}
