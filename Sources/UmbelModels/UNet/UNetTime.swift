internal import UmbelTensor

/// How a U-Net makes the vector that its blocks take: of the time, the class and what else is added.
struct UNetTime: Sendable {
    private let wave: Wave
    private let embedding: VectorEmbedding
    private let conditionSize: Int?
    private let classes: ClassEmbedding?
    private let concatenatesClasses: Bool
    private let addition: AdditionEmbedding?
    private let activation: Activation?
    private let blockActivation: Activation

    /// - Parameter contextSize: of the text's vectors as they come.
    /// - Throws: if a tensor is missing or has another shape.
    init(_ weights: Weights, _ configuration: UNetConfiguration, contextSize: Int) throws(ModelError) {
        let time = configuration.time
        let waveSize: Int
        switch time.kind {
        case .positional:
            waveSize = configuration.levels.first?.channels ?? 0
            wave = .positional(size: waveSize, cosinesFirst: time.cosinesFirst, shift: time.frequencyShift)
        case .fourier:
            waveSize = configuration.timeSize
            let frequencies = try weights.tensor("time_proj.weight", shape: [waveSize / 2]).values()
            wave = .fourier(frequencies: frequencies, cosinesFirst: time.cosinesFirst)
        }
        embedding = try VectorEmbedding(
            weights["time_embedding"], inputs: waveSize, outputs: configuration.timeSize,
            activation: configuration.activation, last: time.lastActivation, conditionSize: time.conditionSize)
        conditionSize = time.conditionSize
        if let kind = configuration.classes {
            classes = try ClassEmbedding(weights, kind, configuration, wave: wave, waveSize: waveSize)
        } else {
            classes = nil
        }
        concatenatesClasses = configuration.concatenatesClasses
        if let kind = configuration.addition {
            addition = try AdditionEmbedding(weights["add_embedding"], kind, configuration, contextSize: contextSize)
        } else {
            addition = nil
        }
        activation = time.activation
        blockActivation = configuration.activation
    }

    /// - Throws: for inputs that the network needs and was not given, and what the observer throws.
    func callAsFunction(_ input: UNetInput, _ pass: ForwardPass) throws(ModelError) -> TimeVector {
        let (batch, pool) = (input.sample.batch, pass.pool)
        if let condition = input.timeCondition, condition.rows != batch || condition.columns != conditionSize {
            throw .missingInput("timestep_cond")
        }
        let waves = wave(input.times)
        try pass.finished("time_proj", Self.row(waves))
        let time = embedding(waves, condition: input.timeCondition, pool: pool)
        try pass.finished("time_embedding", Self.row(time))
        var vector = Self.row(time)
        if let classes {
            let added = Self.row(try classes(input.classes, batch: batch, pool: pool))
            try pass.finished("class_embedding", added)
            vector =
                concatenatesClasses ? vector.concatenated(with: added, pool: pool) : vector.adding(added, pool: pool)
        }
        if let addition {
            let added = Self.row(try addition(input.context, input.added, batch: batch, pool: pool))
            try pass.finished("add_embedding", added)
            guard added.channels == vector.channels else {
                throw .unsupported(setting: "class_embeddings_concat", value: "true")
            }
            vector = vector.adding(added, pool: pool)
        }
        activation?.apply(to: vector.values, pool: pool)
        return TimeVector(vector.values, activation: blockActivation, pool: pool)
    }

    /// A vector for each picture as a map of one place.
    private static func row(_ vectors: Matrix) -> FeatureMap {
        FeatureMap(batch: vectors.rows, height: 1, width: 1, vectors)
    }
}
