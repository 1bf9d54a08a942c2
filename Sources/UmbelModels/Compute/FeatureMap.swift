package import UmbelTensor

/// Activations of a batch of pictures: the numbers of all channels of a place behind each other, place after place, row after
/// row, picture after picture (batch, height, width, channels). So a place is a row of a matrix, and linear layers,
/// convolutions and attention need no transposition in between.
package struct FeatureMap: Sendable {
    package let batch: Int
    package let height: Int
    package let width: Int
    /// (batch · height · width, channels)
    package let values: Matrix

    package var channels: Int { values.columns }
    /// Of one picture.
    package var places: Int { height * width }

    /// Uninitialised.
    ///
    /// - Parameter pool: whose threads populate pages that are fresh; nil for the calling thread alone.
    package init(batch: Int, height: Int, width: Int, channels: Int, pool: ComputePool? = nil) {
        let values = Matrix(rows: batch * height * width, columns: channels, pool: pool)
        self.init(batch: batch, height: height, width: width, values)
    }

    /// - Precondition: a row for each place of each picture.
    package init(batch: Int, height: Int, width: Int, _ values: Matrix) {
        precondition(values.rows == batch * height * width)
        self.batch = batch
        self.height = height
        self.width = width
        self.values = values
    }

    /// The same places with other channels.
    package func with(_ values: Matrix) -> FeatureMap {
        FeatureMap(batch: batch, height: height, width: width, values)
    }

    /// From numbers that lie channel after channel (batch, channels, height, width), as diffusers has them.
    package init(planes: UnsafePointer<Float>, batch: Int, channels: Int, height: Int, width: Int) {
        self.init(batch: batch, height: height, width: width, channels: channels)
        let places = places
        for picture in 0..<batch {
            for channel in 0..<channels {
                let plane = planes + (picture * channels + channel) * places
                let out = values.start + picture * places * channels + channel
                for place in 0..<places { out[place * channels] = plane[place] }
            }
        }
    }

    /// The numbers channel after channel (batch, channels, height, width).
    package func planes() -> [Float] {
        let (places, channels) = (places, channels)
        return [Float](unsafeUninitializedCapacity: values.count) { out, count in
            for picture in 0..<batch {
                for channel in 0..<channels {
                    let start = values.start + picture * places * channels + channel
                    let plane = (picture * channels + channel) * places
                    for place in 0..<places { out.initializeElement(at: plane + place, to: start[place * channels]) }
                }
            }
            count = values.count
        }
    }
}
