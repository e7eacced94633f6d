import Foundation
import Testing

@testable import Reports

/// JSON that people and their programs read.
struct ReadableJSONTests {
  struct Figures: Codable, Equatable {
    var denseMacs = 17_994_240
    var top1 = 27.11111111111111
    var lossOfTest: Double? = 1.23456789e-9
    var largeValue = 1_234_567.89
    var byLayer = ["layer1.convA": 0.123456789]
    var fileName = "say \"1.23456789\" \\ 2.3456789/x"
  }

  @Test func `keys are in snake_case, fractions have six digits, text and names of layers stay`() throws {
    let text = try ReadableJSON.text(Figures(), isPretty: false)
    #expect(
      text == #"{"by_layer":{"layer1.convA":0.123457},"dense_macs":17994240,"file_name":"say \"1.23456789\" \\ "#
        + #"2.3456789/x","large_value":1234568,"loss_of_test":1.23457e-09,"top1":27.1111}"#)
  }

  @Test func `what was written is read, and what earlier versions wrote too`() throws {
    let read = try ReadableJSON.decode(Figures.self, from: Data(ReadableJSON.text(Figures()).utf8))
    #expect(
      read.denseMacs == 17_994_240 && read.fileName == Figures().fileName && read.byLayer.keys.contains("layer1.convA"))
    #expect(try ReadableJSON.decode(Figures.self, from: JSONEncoder().encode(Figures())) == Figures())
  }

  @Test(arguments: ["denseMacs", "top1", "trainingTop1", "name", "zeroUnits"])
  func `a key is spelt as the encoder spells it`(word: String) throws {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    struct Key: CodingKey {
      var stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }
    struct One: Encodable {
      var word: String
      func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(1, forKey: Key(stringValue: word))
      }
    }
    #expect(String(decoding: try encoder.encode(One(word: word)), as: UTF8.self) == "{\"\(ReadableJSON.key(word))\":1}")
  }
}
