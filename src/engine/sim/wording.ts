/** What the simulator says when no rule has something better. Data only; `{topic}` is the start of the request. */

interface Wording {
  opening: readonly string[];
  body: readonly string[];
  thought: string;
  thoughtCall: string;
  thoughtResult: string;
  result: readonly string[];
  greeting: readonly string[];
  met: string;
  thanks: string;
  identity: string;
  named: string;
  sum: string;
  /** For more than one. */
  seen: Readonly<Record<"image" | "video", string>>;
  image: string;
  video: string;
  frames: string;
  color: string;
  /** Between the colors of frames. */
  followed: string;
  unknownSize: string;
  separator: string;
}

export const english: Wording = {
  opening: [
    'You asked about "{topic}", and here is what can be said about it.',
    'Let us look at "{topic}" together, one step after another.',
    'This is an answer to "{topic}" in a few plain sentences.',
  ],
  body: [
    "First, it helps to say in simple words what the question is and why somebody would ask it.",
    "Most questions of this kind have one part that is easy and one part that needs some care.",
    "The easy part follows from the words themselves, and nobody has to look anything up for it.",
    "The harder part depends on details that a short request does not always give.",
    "A good way forward is to try the smallest case, look at what happens, and only then go on.",
    "If two readings are possible, it is wise to name both and to say which one was taken.",
    "Examples make such things clearer than rules, so keep one or two of them at hand.",
    "When the result looks strange, go back one step and check what was taken for granted.",
    "In the end the answer should be short enough to remember and exact enough to use.",
    "This text was written by rules and not by a language model, so please judge it kindly.",
  ],
  thought: 'The user says "{topic}". No tool is needed for that, so I will answer directly.',
  thoughtCall: 'The user says "{topic}". I should call {tool} for that.',
  thoughtResult: 'The tools have answered. I will tell the user what they say about "{topic}".',
  result: ["Here is what I found: {results}", "The tool answered: {results}", "According to the result: {results}"],
  greeting: [
    "Hello! How can I help you today?",
    "Hi there! What can I do for you?",
    "Hello! What would you like to know?",
  ],
  met: "Nice to meet you, {name}! How can I help you today?",
  thanks: "You are welcome! Is there anything else I can do for you?",
  identity: "I am the Parley simulator: I answer by rules and without a language model.",
  named: "I am {name}.",
  sum: "{expression} = {value}",
  seen: { image: "I see {count} images.", video: "I see {count} videos." },
  image: "Image {number} is {mime}, {size}{color}.",
  video: "Video {number} is {mime}, {size}{frames}{color}.",
  frames: ", seen as {frames} frames",
  color: ", mostly {colors}",
  followed: ", then ",
  unknownSize: "of unknown size",
  separator: " ",
};

export const chinese: Wording = {
  opening: [
    "关于“{topic}”，下面是一些可以说的内容。",
    "我们一步一步来看“{topic}”这个问题。",
    "这里用几句简单的话来回答“{topic}”。",
  ],
  body: [
    "首先，用简单的话说清楚问题是什么，以及为什么会有人这样问。",
    "这一类问题通常有一部分很容易，另一部分则需要多加小心。",
    "容易的部分从字面上就能看出来，不需要再去查找什么资料。",
    "困难的部分取决于一些细节，而简短的请求往往没有把它们写出来。",
    "比较好的办法是先试最小的情形，看看结果，然后再继续往下做。",
    "如果有两种理解，最好把两种都说出来，并说明采用了哪一种。",
    "例子比规则更容易让人明白，所以手边最好留一两个例子。",
    "如果结果看起来很奇怪，就退回一步，检查有哪些事情被当成了理所当然。",
    "最后，答案应该短到可以记住，又准确到可以使用。",
    "这段文字是按规则写成的，并不是语言模型的回答，请不要太认真。",
  ],
  thought: "用户说“{topic}”。这不需要工具，我直接回答。",
  thoughtCall: "用户说“{topic}”。我应该为此调用 {tool}。",
  thoughtResult: "工具已经返回了结果。我来告诉用户关于“{topic}”的内容。",
  result: ["查询结果如下：{results}", "工具返回：{results}", "根据结果：{results}"],
  greeting: ["你好！有什么可以帮你的吗？", "您好！我能为你做些什么？", "你好！你想了解什么？"],
  met: "很高兴认识你，{name}！有什么可以帮你的吗？",
  thanks: "不客气！还有什么可以帮你的吗？",
  identity: "我是 Parley 模拟器：我按规则回答，不使用语言模型。",
  named: "我是{name}。",
  sum: "{expression} = {value}",
  seen: { image: "我看到 {count} 张图片。", video: "我看到 {count} 个视频。" },
  image: "第 {number} 张图片是 {mime}，{size}{color}。",
  video: "第 {number} 个视频是 {mime}，{size}{frames}{color}。",
  frames: "，共 {frames} 帧",
  color: "，主要是{colors}",
  followed: "，然后是",
  unknownSize: "尺寸未知",
  separator: "",
};

/** Fills `{name}` places; a place without a value stays empty. */
export function fill(template: string, values: Readonly<Record<string, string | number>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

export type { Wording };
