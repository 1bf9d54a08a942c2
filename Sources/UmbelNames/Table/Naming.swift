/// The two namings of a component (names.md 1.2).
enum Naming: Sendable {
    /// Module paths of diffusers and Hugging Face.
    case canonical
    /// Module paths of the single-file checkpoints.
    case original
}
