import { expect, test } from "vitest";
import { asksForTitle, titleOf } from "./title.ts";

const user = (content: string) => ({ role: "user", content });
const system = (content: string) => ({ role: "system", content });

test("a system or user message without tools can ask for a title", () => {
  expect(asksForTitle([system("Write a short title."), user("How does it work?")], [])).toBe(true);
  expect(asksForTitle([user("Give this conversation a title")], [])).toBe(true);
  expect(asksForTitle([system("You investigate code."), user("How does it work?")], [])).toBe(false);
  expect(asksForTitle([user("Where is the title made?")], [{ name: "grep" }])).toBe(false);
});

test("a title is at most six words of the first question, without directives and punctuation", () => {
  const messages = [
    system("Write a title."),
    user('how does `parseQuery` split the "query string" of a URL? [[script {"tokens":5}]]'),
  ];
  expect(titleOf(messages)).toBe("How does parseQuery split the query");
});

test("the question is found within the instruction", () => {
  expect(
    titleOf([user("Write a title for this conversation.\n\nUser: Where are sessions kept?\nAssistant: In Redis.")]),
  ).toBe("Where are sessions kept");
});

test("a question without words still gets a title", () => {
  expect(titleOf([system("a title please"), user("???")])).toBe("Code investigation");
});

test("the question is found below its label", () => {
  const message =
    'Give this conversation a title.\n\nQuestion:\nwhere is `Route` made? [[script {"tokens":5}]]\n\nAnswer:\nw0 w1';
  expect(titleOf([system("You give a conversation a title."), user(message)])).toBe("Where is Route made");
});
