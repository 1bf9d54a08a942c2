internal import UmbelFormats

/// Fields that may be left out, or be null, which is the same.
extension BodyFields {
    func given(_ name: String) -> JSON? {
        guard let value = self[name], !value.isNull else { return nil }
        return value
    }

    func text(_ name: String) throws -> String? {
        try given(name).map { value in
            guard let text = value.string else { throw RequestError.invalidField(name: path(name), expected: "a text") }
            return text
        }
    }

    func flag(_ name: String) throws -> Bool? {
        try given(name).map { value in
            guard let flag = value.bool else {
                throw RequestError.invalidField(name: path(name), expected: "true or false")
            }
            return flag
        }
    }

    /// Clients of other services write whole numbers as 20.0 too.
    func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        try given(name).map { value in
            guard let number = value.integer ?? value.double.flatMap(Int.init(exactly:)), range.contains(number) else {
                throw RequestError.invalidField(
                    name: path(name), expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
    }

    func number(_ name: String, in range: ClosedRange<Double>) throws -> Double? {
        try given(name).map { value in
            guard let number = value.double, range.contains(number) else {
                throw RequestError.invalidField(
                    name: path(name), expected: "a number from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
    }

    /// One of a list of words, as the type that they are the raw values of.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(_ name: String) throws -> Choice? {
        try given(name).map { value in
            guard let choice = value.string.flatMap(Choice.init(rawValue:)) else {
                let words = Choice.allCases.map { "“\($0.rawValue)”" }.joined(separator: ", ")
                throw RequestError.invalidField(name: path(name), expected: "one of \(words)")
            }
            return choice
        }
    }

    /// - Throws: unless the field is missing or has one of the values, because others would change the answer.
    func require(_ name: String, _ accepted: [JSON], _ expected: String) throws {
        guard let value = given(name), !accepted.contains(value) else { return }
        throw RequestError.invalidField(name: path(name), expected: expected)
    }
}
