/// One tensor of a base, as far as names are concerned.
package struct BaseTensor: Hashable, Sendable {
    /// Folder of the component in a pipeline ("unet", "text_encoder_2"); empty for a single file or a language model.
    package let component: String
    package let name: String
    package let shape: [Int]

    package init(component: String = "", name: String, shape: [Int]) {
        self.component = component
        self.name = name
        self.shape = shape
    }
}
