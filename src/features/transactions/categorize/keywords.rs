//! The words that tell a category, in English and in Thai. Of several in one title the longest tells.

use crate::domain::search::fold;
use crate::domain::transaction_type::TransactionType::{self, Expense, Income};

/// The kind, the category of those that everybody begins with, and its words. A word ends and begins where it does in the
/// title; Thai, which has no blanks, is looked for anywhere.
const KEYWORDS: &[(TransactionType, &str, &str)] = &[
    (
        Expense,
        "Food & Dining",
        "food, lunch, dinner, breakfast, brunch, supper, snack, coffee, latte, cappuccino, espresso, tea, bubble tea, \
         restaurant, cafe, bakery, pizza, burger, noodle, noodles, ramen, sushi, rice, chicken, pork, beef, fish, seafood, \
         salad, soup, dessert, ice cream, cake, bread, beer, wine, water, juice, groceries, grocery, supermarket, market, \
         starbucks, mcdonald, mcdonalds, kfc, 7-eleven, foodpanda, grabfood, lineman, makro, lotus, tops, \
         อาหาร, ข้าว, ก๋วยเตี๋ยว, บะหมี่, กาแฟ, ชานม, ชา, น้ำดื่ม, ขนม, ผลไม้, ร้านอาหาร, กับข้าว, ส้มตำ, หมู, ไก่, ปลา, กุ้ง, \
         ต้มยำ, ผัดไทย, ไอศกรีม, เบียร์, เหล้า, หมูกระทะ, ชาบู, ของกิน, มื้อ, ตลาด, เซเว่น",
    ),
    (
        Expense,
        "Transportation",
        "taxi, bus, train, metro, subway, bts, mrt, grab, bolt, uber, fuel, gas station, gasoline, petrol, diesel, toll, \
         parking, flight, airline, airport, ferry, boat, motorbike, car wash, tire, \
         แท็กซี่, รถเมล์, รถไฟ, รถไฟฟ้า, ค่ารถ, น้ำมัน, ทางด่วน, ที่จอดรถ, วินมอเตอร์ไซค์, มอเตอร์ไซค์, เรือ, ตั๋วเครื่องบิน, เครื่องบิน",
    ),
    (
        Expense,
        "Shopping",
        "shopping, clothes, shirt, shoes, dress, bag, shopee, lazada, amazon, ikea, uniqlo, mall, furniture, cosmetics, \
         electronics, headphones, เสื้อผ้า, เสื้อ, กางเกง, รองเท้า, กระเป๋า, เครื่องสำอาง, ของใช้, ช้อปปิ้ง, ห้าง",
    ),
    (
        Expense,
        "Entertainment",
        "movie, movies, cinema, netflix, spotify, youtube, disney, game, games, steam, concert, karaoke, theatre, museum, \
         party, bar, club, หนัง, ดูหนัง, เกม, คอนเสิร์ต, คาราโอเกะ, เที่ยว, ปาร์ตี้",
    ),
    (
        Expense,
        "Bills & Utilities",
        "electricity, electric bill, water bill, internet, wifi, broadband, phone bill, mobile, top up, utilities, bill, \
         insurance, ais, true, dtac, \
         ค่าไฟ, ค่าน้ำ, ค่าเน็ต, อินเทอร์เน็ต, ค่าโทรศัพท์, เติมเงิน, ค่าส่วนกลาง, ประกัน, บิล",
    ),
    (
        Expense,
        "Healthcare",
        "doctor, hospital, clinic, dentist, dental, pharmacy, medicine, drugstore, vitamin, vitamins, gym, fitness, massage, \
         หมอ, โรงพยาบาล, คลินิก, ทำฟัน, ทันตแพทย์, ยา, ร้านยา, วิตามิน, ฟิตเนส, นวด",
    ),
    (
        Expense,
        "Education",
        "book, books, course, tuition, school, university, class, udemy, coursera, exam, textbook, stationery, \
         หนังสือ, คอร์ส, ค่าเรียน, ค่าเทอม, โรงเรียน, มหาวิทยาลัย, เรียน, สอบ, เครื่องเขียน",
    ),
    (Expense, "Rent", "rent, mortgage, apartment, condo, ค่าเช่า, ค่าห้อง, ค่าหอ, เช่าบ้าน, ผ่อนบ้าน, คอนโด"),
    (Income, "Salary", "salary, payroll, paycheck, wage, wages, bonus, overtime, เงินเดือน, โบนัส, ค่าแรง, ค่าจ้าง, โอที"),
    (Income, "Freelance", "freelance, invoice, project, consulting, client, commission, ฟรีแลนซ์, รับจ้าง, ค่าคอม, งานนอก"),
    (
        Income,
        "Investment",
        "dividend, dividends, interest, stock, stocks, crypto, fund, coupon, ปันผล, ดอกเบี้ย, หุ้น, กองทุน",
    ),
    (Income, "Gift", "gift, present, birthday, red envelope, angpao, ของขวัญ, อั่งเปา, วันเกิด"),
];

/// The category that a folded title's words tell, and the word.
pub(super) fn find(kind: TransactionType, folded: &str) -> Option<(&'static str, &'static str)> {
    let of_kind = KEYWORDS.iter().filter(|(of, ..)| *of == kind);
    let words = of_kind.flat_map(|(_, category, words)| words.split(", ").map(|word| (*category, word.trim())));
    let told = words.filter(|(_, word)| {
        let folded_word = fold(word);
        // Folded text has blanks around it, so that a word is found as a whole; Thai without.
        let run = if word.is_ascii() { folded_word.as_str() } else { folded_word.trim() };
        folded.contains(run)
    });
    told.max_by_key(|(_, word)| word.chars().count())
}
