/// What has to be done to an image before a network can see it.
public struct Preprocessing: Sendable, Codable, Equatable {
  public enum ChannelOrder: String, Sendable, Codable { case rgb = "RGB", grey }

  public var channelOrder: ChannelOrder
  public var height: Int
  public var width: Int
  /// Per channel, in units of 0…1.
  public var mean: [Float]
  public var std: [Float]
  /// The length that an image's shorter side is resized to before the middle is cut out; nil where a
  /// file does not say.
  public var resize: Int?
  /// Whether images are made to fit and filled up with grey in place of being cut; nil is false.
  public var pads: Bool?

  public init(
    channelOrder: ChannelOrder, height: Int, width: Int, mean: [Float], std: [Float], resize: Int? = nil
  ) {
    self.channelOrder = channelOrder
    self.height = height
    self.width = width
    self.mean = mean
    self.std = std
    self.resize = resize
  }

  /// 3 for RGB, 1 for grey.
  public var channels: Int { channelOrder == .rgb ? 3 : 1 }
}
