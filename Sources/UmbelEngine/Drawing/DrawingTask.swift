package import UmbelModels

/// What a job draws: one drawing, or several one after another.
package struct DrawingTask: Sendable {
    /// Which door it came through.
    package enum Door: String, Sendable {
        case images, sweep
        /// The calls of the web UIs, whose clients interrupt what is under way without naming it.
        case webUI = "sdapi"
    }

    /// One call of the painter.
    package struct Drawing: Sendable {
        package let request: DrawingRequest
        package let model: SteppedModel
        /// The model as it was asked for.
        package let name: String
        /// The prompt as it was written, with the tags that the model does not see.
        package let prompt: String

        package init(_ request: DrawingRequest, with model: SteppedModel, name: String, prompt: String? = nil) {
            (self.request, self.model, self.name) = (request, model, name)
            self.prompt = prompt ?? request.prompt
        }
    }

    /// How the pictures are put together on one sheet: row by row, one picture for each drawing.
    package struct Sheet: Hashable, Sendable {
        package let title: String
        /// What stands above each column; at least one.
        package let columns: [String]
        package let rows: [String]

        package init(title: String, columns: [String], rows: [String]) {
            (self.title, self.columns, self.rows) = (title, columns, rows)
        }
    }

    package let door: Door
    /// At least one.
    package let drawings: [Drawing]
    /// nil for pictures that stand alone.
    package let sheet: Sheet?

    /// - Precondition: at least one drawing.
    package init(_ drawings: [Drawing], door: Door, sheet: Sheet? = nil) {
        precondition(!drawings.isEmpty)
        self.drawings = drawings
        self.door = door
        self.sheet = sheet
    }

    /// Pixels of all pictures of a job at most: they are in memory together.
    package static let pixelLimit = 1 << 26
    /// The sides of a picture whose size is left to the model, which is not asked for that: the largest that models have.
    private static let ownSide = 1024

    /// Pixels of all pictures together.
    package var pixels: Int {
        drawings.reduce(0) { sum, drawing in
            let request = drawing.request
            return sum + request.count * (request.width ?? Self.ownSide) * (request.height ?? Self.ownSide)
        }
    }

    /// Steps of all drawings together.
    package var steps: Int { drawings.reduce(0) { $0 + $1.request.steps } }
}
