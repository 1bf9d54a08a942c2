package import UmbelTensor

extension UNet {
    /// What a batch of pictures is to be of, the same at every step: some of what `UNetInput` holds, as a pipeline has it.
    package struct Conditions: Sendable {
        /// The text's vectors, (batch · tokens, size).
        package var context: Matrix
        /// What layers make of it, kept as long as these conditions are.
        package var projections: TextProjections?
        /// For each picture, where the network takes it.
        package var pooledText: [[Float]]?
        /// For each picture, where the network takes them.
        package var numbers: [[Float]]?
        /// How strongly the text counts, for networks to which that is told (distilled guidance).
        package var guidance: Float = 1
        package var classes: ClassLabels?

        package init(context: Matrix) {
            self.context = context
        }
    }

    /// - Throws: for conditions that the network needs and was not given, and what the observer throws.
    package func callAsFunction(
        _ sample: FeatureMap, timestep: Float, _ conditions: Conditions, _ pass: ForwardPass
    ) throws(ModelError) -> FeatureMap {
        var added: AddedConditions?
        if let pooled = conditions.pooledText, let numbers = conditions.numbers, let first = pooled.first {
            guard pooled.allSatisfy({ $0.count == first.count }) else { throw .missingInput("text_embeds") }
            let vectors = Matrix(rows: pooled.count, columns: first.count, values: Array(pooled.joined()))
            added = AddedConditions(pooledText: vectors, numbers: numbers)
        }
        let input = UNetInput(
            sample: sample, times: Array(repeating: timestep, count: sample.batch), context: conditions.context,
            projections: conditions.projections, classes: conditions.classes, added: added,
            timeCondition: configuration.time.conditionSize.map { size in
                Self.guidanceVectors(conditions.guidance, size: size, count: sample.batch)
            })
        return try self(input, pass)
    }

    /// Guidance as networks of latent consistency are told it: waves of 1000 · (guidance - 1), sines first (arXiv 2310.04378).
    private static func guidanceVectors(_ guidance: Float, size: Int, count: Int) -> Matrix {
        let wave = Wave.positional(size: size, cosinesFirst: false, shift: 1)
        return wave(Array(repeating: (guidance - 1) * 1000, count: count))
    }
}
