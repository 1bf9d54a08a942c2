package import UmbelModels
package import UmbelRegistry

/// Where a job is. A value: who has one sees it as it was.
package struct DrawingStatus: Sendable {
    package enum State: Sendable {
        /// So many jobs are drawn before it, its own counted: 1 is next.
        case queued(position: Int)
        case running(Progress)
        /// In the order of the task's drawings.
        case completed([Picture])
        case failed(any Error)
        case cancelled
    }

    /// Steps done, over all drawings of the task.
    package struct Progress: Sendable {
        package var step: Int
        package let steps: Int
        /// The drawing under way, from 0, and how far it is.
        package var drawing = 0
        package var latest: DrawingProgress?
    }

    /// A picture with the drawing that it came of.
    package struct Picture: Sendable {
        package let picture: DrawnPicture
        /// Its place in the task.
        package let drawing: Int
    }

    /// Raised with each change, from 0.
    package internal(set) var version = 0
    package internal(set) var state: State
    package let created: Date
    package internal(set) var started: Date?
    package internal(set) var completed: Date?
    package internal(set) var times = Times()

    /// How long each part took so far.
    package struct Times: Sendable {
        package internal(set) var waiting = Duration.zero
        /// Until the variants were merged.
        package internal(set) var merging = Duration.zero
        package internal(set) var drawing = Duration.zero
    }

    package var isFinished: Bool {
        switch state {
        case .queued, .running: false
        case .completed, .failed, .cancelled: true
        }
    }

    /// The pictures of a job that is completed.
    package var pictures: [Picture] { if case .completed(let pictures) = state { pictures } else { [] } }

    /// The word for the state.
    package var word: String {
        switch state {
        case .queued: "queued"
        case .running: "running"
        case .completed: "completed"
        case .failed: "failed"
        case .cancelled: "cancelled"
        }
    }
}
