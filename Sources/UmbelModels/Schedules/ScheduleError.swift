package import UmbelFormats

/// Why there is no schedule for these settings.
package enum ScheduleError: Error, Hashable, Sendable {
    case notJSON(JSONError)
    case notObject
    /// `_class_name` is missing or names none of `ScheduleList`.
    case unknownClass(String?)
    case wrongType(field: String)
    case outOfRange(field: String)
    /// A setting that would change the numbers in a way that Umbel does not do.
    case unsupported(field: String, value: String)
    /// Settings that exclude each other.
    case conflict(fields: [String])
    case steps(Int, allowed: ClosedRange<Int>)
    /// The settings lead to a timestep that the model was not trained with.
    case untrained(timestep: Int, trained: Int)
    /// A denoising strength that leaves no step to do, or none at all.
    case strength(Double)
    case unknownSampler(String)
    case unknownSpacing(String)
    /// A sampler that has no such spacing of its noise levels.
    case spacing(String, sampler: String)
}
