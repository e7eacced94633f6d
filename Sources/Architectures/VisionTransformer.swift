import Networks

/// The names that an implementation gives to the parts of a vision transformer.
struct VisionTransformerNames {
  var patches: String
  var classToken: String
  var positions: String
  /// Before the number of a block.
  var block: String
  var norms: [String]
  /// The layer of queries, keys and values: its name, and what stands between it and `weight`.
  var attention: (qkv: String, separator: String, projection: String)
  var mlp: [String]
  var lastNorm: String
  var head: String

  static var torchvision: Self {
    Self(
      patches: "conv_proj", classToken: "class_token", positions: "encoder.pos_embedding",
      block: "encoder.layers.encoder_layer_", norms: ["ln_1", "ln_2"],
      attention: ("self_attention.in_proj", "_", "self_attention.out_proj"), mlp: ["mlp.0", "mlp.3"],
      lastNorm: "encoder.ln", head: "heads.head")
  }

  static var timm: Self {
    Self(
      patches: "patch_embed.proj", classToken: "cls_token", positions: "pos_embed", block: "blocks.",
      norms: ["norm1", "norm2"], attention: ("attn.qkv", ".", "attn.proj"), mlp: ["mlp.fc1", "mlp.fc2"],
      lastNorm: "norm", head: "head")
  }
}

extension NetworkBuilder {
  /// A vision transformer of 12 blocks over patches of 16×16 pixels (Dosovitskiy et al. 2021): `vit_b_16` of width 768
  /// with torchvision's names, DeiT (Touvron et al. 2021) of width 192, 384 and 768 with timm's.
  ///
  /// Heads are 64 wide. Position embeddings belong to one size of image.
  ///
  /// - Throws: `NetworkError` when the image does not fit.
  mutating func visionTransformer(width: Int, _ names: VisionTransformerNames, classes: Int) throws -> Network {
    var x = try convolution(input, names.patches, units: width, kernel: [16, 16], stride: [16, 16], bias: true)
    x = try transpose(reshape(x, [width, shape(of: x)[1] * shape(of: x)[2]]), [1, 0])
    let token = try reshape(trained(names.classToken, shape: [1, 1, width], deviation: 0), [1, width])
    x = try concatenate([token, x])
    let tokens = shape(of: x)
    x = try add(x, reshape(trained(names.positions, shape: [1] + tokens), tokens))
    for block in 0..<12 { x = try encoderBlock(x, "\(names.block)\(block)", names) }
    x = try layerNorm(x, names.lastNorm, epsilon: 1e-6)
    return try finish(linear(flatten(slice(x, axis: 0, 0..<1)), names.head, units: classes))
  }

  private mutating func encoderBlock(
    _ x: String, _ name: String, _ names: VisionTransformerNames
  ) throws -> String {
    let (tokens, width) = (shape(of: x)[0], shape(of: x)[1])
    let (layer, separator) = ("\(name).\(names.attention.qkv)", names.attention.separator)
    let qkv = try linear(
      layerNorm(x, "\(name).\(names.norms[0])", epsilon: 1e-6), layer, units: 3 * width,
      called: [.weight: "\(layer)\(separator)weight", .bias: "\(layer)\(separator)bias"])
    let mixed = try reshape(attention(reshape(qkv, [1, tokens, 3 * width]), heads: width / 64), [tokens, width])
    let y = try add(x, linear(mixed, "\(name).\(names.attention.projection)", units: width))
    var z = try linear(
      layerNorm(y, "\(name).\(names.norms[1])", epsilon: 1e-6), "\(name).\(names.mlp[0])", units: 4 * width)
    z = try linear(activation(z, .gelu(approximated: false)), "\(name).\(names.mlp[1])", units: width)
    return try add(y, z)
  }
}
