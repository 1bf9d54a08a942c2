/// Something about an adapter that a person should know.
package struct AdapterNote: Hashable, Sendable {
    package enum Code: String, Sendable {
        case scaleGuessed = "scale_guessed"
        case keyIgnored = "key_ignored"
        case bundledEmbeddings = "bundled_embeddings"
        case residualNotApplied = "residual_not_applied"
        case rankDiffersFromConfig = "rank_differs_from_config"
        case alphaInconsistent = "alpha_inconsistent"
        case noEffect = "no_effect"
        case leftOut = "left_out"
        case shapeChanged = "shape_changed"
        case tensorAdded = "tensor_added"
        case approximateStart = "approximate_start"
    }

    package let code: Code
    package let detail: String
    package let keys: [String]

    package init(_ code: Code, _ detail: String = "", keys: [String]) {
        self.code = code
        self.detail = detail
        self.keys = keys
    }
}
