/// A setting of a recipe: the section it stands in, its key there, and the option of the command that sets it.
///
/// Keys are the names of the fields, written as options are: `weight-decay` for `weightDecay`.
struct RecipeKey: Hashable {
  let section: String
  let field: String

  /// Options that are spelt otherwise than the key, which says too little without its section.
  private static let options = [
    RecipeKey(section: "model", field: "name"): "model", RecipeKey(section: "data", field: "name"): "data",
    RecipeKey(section: "model", field: "inputs"): "input",
    RecipeKey(section: "distillation", field: "weight"): "distillation",
    RecipeKey(section: "finetuning", field: "epochs"): "finetune-epochs",
    RecipeKey(section: "finetuning", field: "lr"): "finetune-lr",
    RecipeKey(section: "finetuning", field: "weightDecay"): "finetune-weight-decay",
  ]

  var key: String { field.kebabCase }
  var option: String { Self.options[self] ?? key }

  init(section: String, field: String) {
    self.section = section
    self.field = field
  }

  init<Value>(_ path: KeyPath<Recipe, Value>) {
    let parts = "\(path)".split(separator: ".").map(String.init)
    self.init(section: parts.dropLast().last ?? "", field: parts.last ?? "")
  }

  /// The fields of every section, those that are nil too.
  static let sections: [(name: String, fields: [String])] = Mirror(reflecting: Recipe()).children.map { section in
    (section.label ?? "", Mirror(reflecting: section.value).children.compactMap(\.label))
  }

  static let all = sections.flatMap { section in
    section.fields.map { RecipeKey(section: section.name, field: $0) }
  }

  /// The setting of an option, as the flat recipes of earlier versions name it.
  init?(option: String) {
    guard let found = Self.all.first(where: { $0.option == option }) else { return nil }
    self = found
  }
}

extension String {
  /// `weight-decay` for `weightDecay`.
  var kebabCase: String { reduce(into: "") { $0 += $1.isUppercase ? "-" + $1.lowercased() : String($1) } }
}
