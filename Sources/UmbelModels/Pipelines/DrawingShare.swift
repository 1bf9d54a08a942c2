internal import Synchronization

/// What the drawings of a job have in common: encoded texts, and the noise that pictures of a seed begin from. The first
/// drawing that needs one of them makes it.
///
/// Keeps everything as long as it is there itself, so a job has one of its own. Drawings at the same time may use it; what
/// neither finds, both make.
package final class DrawingShare: Sendable {
    /// What has been made so far.
    package struct Counts: Hashable, Sendable {
        /// Texts that went through all text encoders.
        package var texts = 0
        /// Draws of starting noise.
        package var noises = 0

        package init(texts: Int = 0, noises: Int = 0) { (self.texts, self.noises) = (texts, noises) }
    }

    /// What one text encoder is given.
    struct EncoderInput: Hashable {
        let chunks: [PromptChunk]
        let replacements: [CLIPTextModel.Replacement]
    }

    /// All that an encoded text depends on. Not the text itself: what it means hangs on trained words too.
    struct TextKey: Hashable {
        let encoders: DiffusionNetworks.TextIdentity
        let inputs: [EncoderInput]
        let clipSkip: Int
        let emphasis: DrawingRequest.Emphasis
    }

    /// All that the first numbers of a source depend on.
    struct NoiseKey: Hashable {
        let kind: DrawingRequest.NoiseKind
        let seed: UInt64
        let count: Int
    }

    private struct State {
        var counts = Counts()
        /// With the networks, so that nothing else takes their identity.
        var texts: [TextKey: (condition: TextCondition, networks: DiffusionNetworks)] = [:]
        /// With the source as it is after the draw.
        var noises: [NoiseKey: (numbers: [Float], after: any NoiseSource)] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package var counts: Counts { state.withLock { $0.counts } }

    /// The condition that is known for a key, or the one that is made now.
    ///
    /// - Throws: what making it throws; then nothing is kept.
    func text(
        _ key: TextKey, by networks: DiffusionNetworks, _ make: () throws(ModelError) -> TextCondition
    ) throws(ModelError) -> TextCondition {
        if let known = state.withLock({ $0.texts[key] }) { return known.condition }
        let made = try make()
        state.withLock { state in
            state.counts.texts += 1
            state.texts[key] = (made, networks)
        }
        return made
    }

    /// The first numbers of a source of which nothing was drawn yet. Afterwards it stands where drawing them leaves it.
    func startingNoise<Source: NoiseSource>(_ key: NoiseKey, from source: inout Source) -> [Float] {
        if let known = state.withLock({ $0.noises[key] }), let after = known.after as? Source {
            source = after
            return known.numbers
        }
        let numbers = source.draw(key.count)
        state.withLock { [source] state in
            state.counts.noises += 1
            state.noises[key] = (numbers, source)
        }
        return numbers
    }
}
