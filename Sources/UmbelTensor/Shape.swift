/// Shapes are plain arrays of dimensions, outermost first; these are the questions asked of them.
extension Array where Element == Int {
    /// Number of elements; a scalar's shape `[]` holds one.
    package var elementCount: Int { reduce(1, *) }

    /// The number of columns when the first axis is taken as rows and the rest flattened.
    package var flattenedColumns: Int { dropFirst().reduce(1, *) }

    /// "[320, 4, 3, 3]"
    package var shapeText: String { "[" + map(String.init).joined(separator: ", ") + "]" }
}
