internal import UmbelTensor

/// The pictures on their way: numbers channel after channel, picture after picture, as noise is drawn.
struct Latents {
    var values: [Float]
    let batch: Int
    let channels: Int
    let height: Int
    let width: Int

    /// Of one picture.
    var size: Int { channels * height * width }

    /// One picture as networks see it, times a factor.
    func map(of picture: Int, scaledBy scale: Float = 1) -> FeatureMap {
        let map = values.withUnsafeBufferPointer { values in
            values.baseAddress.map {
                FeatureMap(planes: $0 + picture * size, batch: 1, channels: channels, height: height, width: width)
            }
        }
        guard let map else { return FeatureMap(batch: 0, height: height, width: width, channels: channels) }
        if scale != 1 { map.values.scale(by: scale) }
        return map
    }
}

extension FeatureMap {
    /// The same picture several times.
    func repeated(_ count: Int) -> FeatureMap {
        precondition(batch == 1)
        let out = FeatureMap(batch: count, height: height, width: width, channels: channels)
        for picture in 0..<count {
            out.values.row(picture * places).update(from: values.start, count: values.count)
        }
        return out
    }
}
